/** Geometry of looking around in a 360° lecture. Pure; angles in radians. */
import type { Projection, StereoLayout } from "./lesson_play";

export interface View {
  /** To the right positive. */
  yaw: number;
  /** Upwards positive. */
  pitch: number;
  /** Vertical field of view, degrees. */
  fov: number;
}

export const STRAIGHT_ON: View = { yaw: 0, pitch: 0, fov: 75 };
const STEEPEST = (Math.PI / 2) * 0.98;

/** The view after a finger moved by pixels on a stage `height` pixels high: the picture sticks to the finger. */
export function dragged(view: View, dx: number, dy: number, height: number, projection: Projection): View {
  const perPixel = (view.fov * Math.PI) / 180 / Math.max(height, 1);
  return held({ ...view, yaw: view.yaw - dx * perPixel, pitch: view.pitch + dy * perPixel }, projection);
}

/** The view drawn nearer (factor > 1) or farther. */
export function zoomed(view: View, factor: number): View {
  return { ...view, fov: Math.min(100, Math.max(35, view.fov / factor)) };
}

/** No further up or down than the poles; in half a sphere no further round than its edge. */
export function held(view: View, projection: Projection): View {
  const widest = projection === "HALF_EQUIRECT" ? Math.PI / 2 - (view.fov * Math.PI) / 360 : Infinity;
  const yaw = widest === Infinity ? view.yaw : Math.min(Math.max(view.yaw, -Math.max(0, widest)), Math.max(0, widest));
  return { ...view, yaw, pitch: Math.min(Math.max(view.pitch, -STEEPEST), STEEPEST) };
}

/** How WebXR's layers describe a sphere (WebXR Layers, XREquirectLayerInit): the headset draws it itself, sharper. */
export interface EquirectLayer {
  layout: "mono" | "stereo-top-bottom" | "stereo-left-right";
  centralHorizontalAngle: number;
  upperVerticalAngle: number;
  lowerVerticalAngle: number;
}

/** The layer of a sphere; null for a flat lecture, which is a screen in a room. */
export function equirectLayer(projection: Projection, stereo: StereoLayout): EquirectLayer | null {
  if (projection === "FLAT") return null;
  const layouts = { MONO: "mono", TOP_BOTTOM: "stereo-top-bottom", LEFT_RIGHT: "stereo-left-right" } as const;
  return {
    layout: layouts[stereo],
    centralHorizontalAngle: projection === "HALF_EQUIRECT" ? Math.PI : 2 * Math.PI,
    upperVerticalAngle: Math.PI / 2,
    lowerVerticalAngle: -Math.PI / 2,
  };
}

/** The part of the picture that one eye sees: offset and size in texture coordinates (v upwards). */
export interface EyeWindow {
  u: number;
  v: number;
  width: number;
  height: number;
}

/** Left picture first: on top in TOP_BOTTOM, at the left in LEFT_RIGHT (spherical video v2, st3d). */
export function eyeWindow(stereo: StereoLayout, eye: "left" | "right"): EyeWindow {
  if (stereo === "TOP_BOTTOM") return { u: 0, v: eye === "left" ? 0.5 : 0, width: 1, height: 0.5 };
  if (stereo === "LEFT_RIGHT") return { u: eye === "left" ? 0 : 0.5, v: 0, width: 0.5, height: 1 };
  return { u: 0, v: 0, width: 1, height: 1 };
}
