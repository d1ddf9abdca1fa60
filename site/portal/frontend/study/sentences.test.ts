import { expect, it } from "vitest";
import { sentences } from "./sentences";

it("keeps the closing marks with their sentence", () => {
  expect(sentences("个人服从组织。“少数服从多数。”\n\n  下级服从上级；全党服从中央")).toEqual([
    "个人服从组织。",
    "“少数服从多数。”",
    "下级服从上级；",
    "全党服从中央",
  ]);
});

it("cuts what is too long at a comma, and loses nothing", () => {
  const long = "一".repeat(100) + "，" + "二".repeat(100) + "。";
  expect(sentences(long)).toEqual(["一".repeat(100) + "，", "二".repeat(100) + "。"]);
  expect(sentences("三".repeat(250)).join("")).toBe("三".repeat(250));
});

it("reads nothing where there is nothing", () => expect(sentences(" \n ")).toEqual([]));
