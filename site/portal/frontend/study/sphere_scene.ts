/**
 * Draws a 360° lecture around the member: on a canvas in the page, and in a headset by WebXR.
 *
 * This file brings three.js along, so it is only imported when such a lecture is opened. A flat lecture is shown in
 * the headset as a wide screen in a dark room.
 */
import {
  BufferAttribute,
  CanvasTexture,
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
import { equirectLayer, eyeWindow, STRAIGHT_ON, type EquirectLayer, type View } from "./sphere_view";

const RADIUS_M = 50;
const DARK = 0x120f0e;
/** three.js shows layer 1 to the left eye and layer 2 to the right one; layer 0 to both and to the page. */
const LAYER = { left: 1, right: 2 } as const;

/** How long the words about the controller's buttons stay, besides whenever the lecture is paused. */
const WORDS_MS = 8000;

/** Not yet in TypeScript's own descriptions: https://www.w3.org/TR/webxrlayers-1/#xrmediabindingtype */
interface MediaBinding {
  createEquirectLayer(video: HTMLVideoElement, init: EquirectLayer & { space: XRReferenceSpace }): XRLayer;
}
type MediaBindingType = new (session: XRSession) => MediaBinding;

/** What the member may do in the headset; the words about it hang in the room. */
export interface Immersion {
  words: string;
  onSelect: () => void;
  onEnd: () => void;
}

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
  private surfaces: Mesh[] = [];
  private panel: Mesh | null = null;
  private immersedSince = 0;

  constructor(
    private canvas: HTMLCanvasElement,
    private video: HTMLVideoElement,
    private shape: Shape,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: false, powerPreference: "low-power" });
    this.renderer.xr.enabled = true;
    this.renderer.xr.setReferenceSpaceType("local");
    this.scene.background = new Color(DARK);
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
      this.surfaces.push(mesh);
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

  /**
   * Opens an immersive session; resolves when it runs. The trigger (select) pauses and plays, the grip (squeeze)
   * leaves. The room never moves by itself: only the head turns it.
   */
  async immerse({ words, onSelect, onEnd }: Immersion): Promise<XRSession> {
    const { xr } = navigator;
    if (!xr) throw new DOMException("no headset", "NotSupportedError");
    const session = await xr.requestSession("immersive-vr", { optionalFeatures: ["local-floor", "layers"] });
    session.addEventListener("select", onSelect);
    session.addEventListener("squeeze", () => void session.end());
    session.addEventListener("end", () => {
      this.leave();
      onEnd();
    });
    await this.renderer.xr.setSession(session);
    this.panel = panelOf(words);
    this.scene.add(this.panel);
    this.immersedSince = performance.now();
    this.layered(session);
    return session;
  }

  /** Lets the headset draw the sphere itself where it can (WebXR Layers); else the mesh is drawn as before. */
  private layered(session: XRSession): void {
    const Binding = (window as { XRMediaBinding?: MediaBindingType }).XRMediaBinding;
    const init = equirectLayer(this.shape.projection, this.shape.stereo);
    const space = this.renderer.xr.getReferenceSpace();
    const base = this.renderer.xr.getBaseLayer();
    const projected = typeof XRProjectionLayer !== "undefined" && base instanceof XRProjectionLayer;
    if (!Binding || !init || !space || !projected) return;
    try {
      const layer = new Binding(session).createEquirectLayer(this.video, { ...init, space });
      session.updateRenderState({ layers: [layer, base] });
    } catch (error) {
      console.warn("the headset draws no layers, so we do", error);
      return;
    }
    // What we draw lies on top of the layer: only the words may remain.
    this.surfaces.forEach((surface) => (surface.visible = false));
    this.scene.background = null;
    this.renderer.setClearAlpha(0);
  }

  private leave(): void {
    this.surfaces.forEach((surface) => (surface.visible = true));
    this.scene.background = new Color(DARK);
    this.renderer.setClearAlpha(1);
    if (this.panel) {
      this.scene.remove(this.panel);
      const material = this.panel.material as MeshBasicMaterial;
      material.map?.dispose();
      material.dispose();
      this.panel.geometry.dispose();
      this.panel = null;
    }
    this.fit();
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
    if (this.panel) {
      this.panel.visible = this.video.paused || performance.now() - this.immersedSince < WORDS_MS;
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

/** A board with words, low in front of the member, the same for both eyes. */
function panelOf(words: string): Mesh {
  const board = document.createElement("canvas");
  [board.width, board.height] = [1024, 128];
  const pen = board.getContext("2d");
  if (pen) {
    pen.fillStyle = "rgba(10, 8, 7, 0.8)";
    pen.fillRect(0, 0, board.width, board.height);
    pen.fillStyle = "#ffffff";
    pen.font = "44px sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(words, board.width / 2, board.height / 2, board.width - 40);
  }
  const map = new CanvasTexture(board);
  map.colorSpace = SRGBColorSpace;
  const panel = new Mesh(new PlaneGeometry(1.6, 0.2), new MeshBasicMaterial({ map, transparent: true, depthTest: false }));
  panel.position.set(0, -0.75, -2);
  panel.rotation.x = -0.35;
  panel.renderOrder = 1;
  return panel;
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
