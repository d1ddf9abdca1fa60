import { expect, test } from "vitest";
import { Pieces } from "./upload_pieces";

function request(method: string) {
  const headers: Record<string, string> = {};
  return { headers, getMethod: () => method, setHeader: (name: string, value: string) => void (headers[name] = value) };
}

test("a piece goes with the sha256 of its own bytes, once", async () => {
  const pieces = new Pieces();
  const source = await pieces.openFile(new Blob(["lecture"]));
  const cut = await source.slice(0, 3);
  expect(await (cut.value as Blob).text()).toBe("lec");
  expect(cut.done).toBe(false);

  const head = request("HEAD");
  await pieces.sign(head);
  expect(head.headers).toEqual({});

  const patch = request("PATCH");
  await pieces.sign(patch);
  // printf lec | openssl dgst -sha256 -binary | base64
  expect(patch.headers).toEqual({ "Upload-Checksum": "sha256 jA2PKhmsMfdNCa312iSMHQm0eH0X4mJrIR24MtuHp7U=" });

  const again = request("PATCH");
  await pieces.sign(again);
  expect(again.headers).toEqual({});
  expect((await source.slice(3, 99)).done).toBe(true);
});
