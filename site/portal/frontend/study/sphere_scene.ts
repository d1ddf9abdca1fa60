/**
 * Draws a 360° lecture around the member: on a canvas in the page, and in a headset by WebXR.
 *
 * This file brings three.js along, so it is only imported when such a lecture is opened. A flat lecture is shown in
 * the headset as a wide screen in a dark room.
 */
import {
  BufferAttribute,
  Color,
  Euler,
  LinearFilter,
  Mesh,
  MeshBasicMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  Quaternion,
  Scene,
  SphereGeometry,
  SRGBColorSpace,
  Vector3,
  VideoTexture,
  WebGLRenderer,
  type BufferGeometry,
} from "three";
import type { Projection, StereoLayout } from "./lesson_play";
import { eyeWindow, STRAIGHT_ON, type View } from "./sphere_view";

const RADIUS_M = 50;
/** three.js shows layer 1 to the left eye and layer 2 to the right one; layer 0 to both and to the page. */
const LAYER = { left: 1, right: 2 } as const;

export interface Shape {
  projection: Projection;
  stereo: StereoLayout;
}

export class SphereScene {
  private renderer: WebGLRenderer;
  private scene = new Scene();
  private camera = new PerspectiveCamera(STRAIGHT_ON.fov, 16 / 9, 0.1, RADIUS_M * 4);
  private texture: VideoTexture;
  private view = STRAIGHT_ON;
  /** How the phone is held, when it steers the view. */
  private hold: Quaternion | null = null;
  private dirty = true;
  private sizes: ResizeObserver;

  constructor(
    private canvas: HTMLCanvasElement,
    private video: HTMLVideoElement,
    shape: Shape,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: false, powerPreference: "low-power" });
    this.renderer.xr.enabled = true;
    this.renderer.xr.setReferenceSpaceType("local");
    this.scene.background = new Color(0x120f0e);
    this.texture = new VideoTexture(video);
    this.texture.colorSpace = SRGBColorSpace;
    this.texture.minFilter = LinearFilter;
    this.texture.generateMipmaps = false;
    this.camera.layers.enable(LAYER.left);
    const eyes = shape.stereo === "MONO" ? (["left"] as const) : (["left", "right"] as const);
    for (const eye of eyes) {
      const geometry = surface(shape.projection);
      show(geometry, eyeWindow(shape.stereo, eye));
      const mesh = new Mesh(geometry, new MeshBasicMaterial({ map: this.texture }));
      if (shape.projection === "FLAT") mesh.position.set(0, 0, -3);
      else mesh.rotation.y = -Math.PI / 2;
      if (shape.stereo !== "MONO") mesh.layers.set(LAYER[eye]);
      this.scene.add(mesh);
    }
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(canvas);
    this.fit();
    video.addEventListener("seeked", this.redraw);
    video.addEventListener("loadeddata", this.redraw);
    this.renderer.setAnimationLoop(() => this.draw());
  }

  look(view: View): void {
    this.view = view;
    this.dirty = true;
  }

  /** The view that follows from how the phone is held; null goes back to dragging alone. */
  tilt(orientation: DeviceOrientationEvent | null): void {
    this.hold = orientation && held(orientation);
    this.dirty = true;
  }

  /** Opens an immersive session; resolves when it runs, `ended` is called when it is over. */
  async immerse(onSelect: () => void, onEnd: () => void): Promise<XRSession> {
    const { xr } = navigator;
    if (!xr) throw new DOMException("no headset", "NotSupportedError");
    const session = await xr.requestSession("immersive-vr", { optionalFeatures: ["local-floor", "layers"] });
    session.addEventListener("select", onSelect);
    session.addEventListener("end", () => {
      this.fit();
      onEnd();
    });
    await this.renderer.xr.setSession(session);
    return session;
  }

  destroy(): void {
    this.video.removeEventListener("seeked", this.redraw);
    this.video.removeEventListener("loadeddata", this.redraw);
    this.sizes.disconnect();
    this.renderer.setAnimationLoop(null);
    this.scene.traverse((part) => {
      if (!(part instanceof Mesh)) return;
      (part.geometry as BufferGeometry).dispose();
      (part.material as MeshBasicMaterial).dispose();
    });
    this.texture.dispose();
    this.renderer.dispose();
  }

  private redraw = (): void => {
    this.dirty = true;
  };

  private fit(): void {
    if (this.renderer.xr.isPresenting) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.dirty = true;
  }

  private draw(): void {
    if (!this.renderer.xr.isPresenting) {
      // A standing picture that nobody turns costs no battery.
      if (this.video.paused && !this.dirty) return;
      this.camera.fov = this.view.fov;
      this.camera.updateProjectionMatrix();
      const turn = new Quaternion().setFromEuler(new Euler(this.hold ? 0 : this.view.pitch, -this.view.yaw, 0, "YXZ"));
      this.camera.quaternion.copy(this.hold ? turn.multiply(this.hold) : turn);
    }
    this.dirty = false;
    this.renderer.render(this.scene, this.camera);
  }
}

/** The surface that carries the picture, seen from within; its middle lies at -z after turning by a quarter. */
function surface(projection: Projection): BufferGeometry {
  if (projection === "FLAT") return new PlaneGeometry(4.8, 2.7);
  const half = projection === "HALF_EQUIRECT";
  const geometry = new SphereGeometry(RADIUS_M, 64, 48, half ? Math.PI / 2 : 0, half ? Math.PI : 2 * Math.PI);
  geometry.scale(-1, 1, 1);
  return geometry;
}

function show(geometry: BufferGeometry, window: ReturnType<typeof eyeWindow>): void {
  const uv = geometry.getAttribute("uv") as BufferAttribute;
  for (let index = 0; index < uv.count; index += 1) {
    uv.setXY(index, window.u + uv.getX(index) * window.width, window.v + uv.getY(index) * window.height);
  }
}

const UP = new Vector3(0, 0, 1);
/** A phone lies on its back at zero; the camera looks out of its back. */
const BACK = new Quaternion(-Math.SQRT1_2, 0, 0, Math.SQRT1_2);

/** Device orientation (W3C, intrinsic Z-X'-Y'') as the camera's turn, for the screen's own angle. */
function held({ alpha, beta, gamma }: DeviceOrientationEvent): Quaternion {
  const radians = (degrees: number | null) => ((degrees ?? 0) * Math.PI) / 180;
  const screenAngle = radians(screen.orientation?.angle ?? 0);
  return new Quaternion()
    .setFromEuler(new Euler(radians(beta), radians(alpha), -radians(gamma), "YXZ"))
    .multiply(BACK)
    .multiply(new Quaternion().setFromAxisAngle(UP, -screenAngle));
}
