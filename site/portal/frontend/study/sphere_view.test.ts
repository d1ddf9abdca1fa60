import { describe, expect, it } from "vitest";
import { dragged, equirectLayer, eyeWindow, held, STRAIGHT_ON, zoomed } from "./sphere_view";

describe("dragging", () => {
  it("across a whole stage turns by a whole field of view", () => {
    const view = dragged(STRAIGHT_ON, -400, 0, 400, "EQUIRECT");
    expect((view.yaw * 180) / Math.PI).toBeCloseTo(75);
  });

  it("draws the picture along: to the right looks to the left, down looks up", () => {
    const view = dragged(STRAIGHT_ON, 10, 10, 400, "EQUIRECT");
    expect(view.yaw).toBeLessThan(0);
    expect(view.pitch).toBeGreaterThan(0);
  });

  it("goes round without an end, but not over the poles", () => {
    const view = dragged(STRAIGHT_ON, -4000, 9000, 400, "EQUIRECT");
    expect(view.yaw).toBeGreaterThan(2 * Math.PI);
    expect(view.pitch).toBeLessThan(Math.PI / 2);
  });

  it("stops at the edge of half a sphere", () => {
    const view = dragged(STRAIGHT_ON, -4000, 0, 400, "HALF_EQUIRECT");
    expect((view.yaw * 180) / Math.PI).toBeCloseTo(90 - 37.5);
  });
});

it("zooms within bounds", () => {
  expect(zoomed(STRAIGHT_ON, 100).fov).toBe(35);
  expect(zoomed(STRAIGHT_ON, 0.01).fov).toBe(100);
});

it("leaves a good view alone", () => expect(held(STRAIGHT_ON, "HALF_EQUIRECT")).toEqual(STRAIGHT_ON));

it.each([
  ["MONO", "left", { u: 0, v: 0, width: 1, height: 1 }],
  ["TOP_BOTTOM", "left", { u: 0, v: 0.5, width: 1, height: 0.5 }],
  ["TOP_BOTTOM", "right", { u: 0, v: 0, width: 1, height: 0.5 }],
  ["LEFT_RIGHT", "left", { u: 0, v: 0, width: 0.5, height: 1 }],
  ["LEFT_RIGHT", "right", { u: 0.5, v: 0, width: 0.5, height: 1 }],
] as const)("%s shows the %s eye its picture", (stereo, eye, expected) => {
  expect(eyeWindow(stereo, eye)).toEqual(expected);
});

it.each([
  ["EQUIRECT", "MONO", "mono", 2],
  ["EQUIRECT", "TOP_BOTTOM", "stereo-top-bottom", 2],
  ["HALF_EQUIRECT", "LEFT_RIGHT", "stereo-left-right", 1],
] as const)("describes %s %s to the headset", (projection, stereo, layout, halfTurns) => {
  expect(equirectLayer(projection, stereo)).toEqual({
    layout,
    centralHorizontalAngle: halfTurns * Math.PI,
    upperVerticalAngle: Math.PI / 2,
    lowerVerticalAngle: -Math.PI / 2,
  });
});

it("has no layer for a flat lecture", () => expect(equirectLayer("FLAT", "MONO")).toBeNull());
