// The viewer: baseline and follow-up side by side, one cross-hair, the change drawn over both.
(function () {
  "use strict";
  const { data, library, volumes } = window.newlesions;
  const { facts } = data;
  const section = document.getElementById("viewer");
  const message = document.getElementById("viewer-message");
  const views = section.querySelector(".views");
  const canvases = Array.from(views.querySelectorAll("canvas"));
  const control = (id) => document.getElementById("viewer-" + id);
  const KINDS = ["new", "enlarging", "gone", "shrinking", "uncalled"];  // the codes of the overlay, from 1
  const UNCALLED = KINDS.indexOf("uncalled") + 1;
  const SLICES = { axial: 0, coronal: 1, sagittal: 2 };
  const LINE_PX = 1.05;  // thinner lines fall between the pixels
  const STACKED = [
    { sliceType: SLICES.axial, position: [0, 0, 1, 0.6] },
    { sliceType: SLICES.coronal, position: [0, 0.6, 0.5, 0.4] },
    { sliceType: SLICES.sagittal, position: [0.5, 0.6, 0.5, 0.4] },
  ];
  const BESIDE = [
    { sliceType: SLICES.axial, position: [0, 0, 0.58, 1] },
    { sliceType: SLICES.coronal, position: [0.58, 0, 0.42, 0.5] },
    { sliceType: SLICES.sagittal, position: [0.58, 0.5, 0.42, 0.5] },
  ];
  const extent = facts.shape.map((length, axis) => length * facts.affine[axis][axis]);
  const FIELDS = { axial: [extent[0], extent[1]], coronal: [extent[0], extent[2]], sagittal: [extent[1], extent[2]] };
  const centre = facts.shape.map((length, axis) => facts.affine[axis][3] + facts.affine[axis][axis] * (length - 1) / 2);
  let shown = [];  // the two NiiVue instances
  let voxels = null;
  let marked = [];  // indices of the voxels that the overlay may show
  let queued = false;
  let wanted = null;  // where to go once the views are there

  /** The colours of the codes, those of the outlines on the pictures. */
  function colours() {
    const style = getComputedStyle(document.documentElement);
    const found = KINDS.map((kind) => style.getPropertyValue("--on-" + kind).trim().slice(1));
    const part = (start) => [0, ...found.map((hex) => parseInt(hex.slice(start, start + 2), 16))];
    return { R: part(0), G: part(2), B: part(4), A: [0, 255, 255, 255, 255, 255], I: [0, 1, 2, 3, 4, 5] };
  }

  /** Fill `overlay`: a called voxel has its kind's code, any other voxel the last one, if they reach the threshold. */
  function draw(overlay) {
    const least = Number(control("threshold").value);
    const on = [false, ...KINDS.map((kind) => control("show-" + kind).checked)];
    for (const index of marked) {
      const code = voxels.change[index] || UNCALLED;
      overlay[index] = on[code] && voxels.probability[index] >= least ? code : 0;
    }
  }

  function windowEnds() {
    const [low, high] = facts.range;
    const [level, width] = [Number(control("level").value), Number(control("width").value)];
    const stored = (value) => 1 + 254 * (value - low) / (high - low);
    return [stored(level - width / 2), stored(level + width / 2)];
  }

  const overlaid = () => control("overlay").getAttribute("aria-pressed") === "true";

  /** Draw again with the window, the overlay and its opacity as the controls say; once a frame, however often asked. */
  function refresh() {
    say();
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      for (const view of shown) {
        const [image, overlay] = view.volumes;
        [image.cal_min, image.cal_max] = windowEnds();
        overlay.opacity = overlaid() ? Number(control("opacity").value) / 100 : 0;
        draw(overlay.img);
        view.updateGLVolume();
      }
    });
  }

  /** The values beside the sliders. */
  function say() {
    control("threshold-value").textContent = (Number(control("threshold").value) / 100).toFixed(2);
    control("opacity-value").textContent = control("opacity").value + " %";
    control("level-value").textContent = Number(control("level").value).toPrecision(3);
    control("width-value").textContent = Number(control("width").value).toPrecision(3);
    control("rate-value").textContent = control("rate").value + "/s";
    control("zoom-value").textContent = "× " + control("zoom").value;
  }

  function place() {
    const view = shown[0];
    return Array.from(view.frac2mm(view.scene.crosshairPos)).slice(0, 3);
  }

  const carried = (matrix, point) =>
    matrix.slice(0, 3).map((row) => row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]);

  /** What lies under the cross-hair, in words. */
  function tell() {
    const point = place();
    const voxel = point.map((mm, axis) => Math.round((mm - facts.affine[axis][3]) / facts.affine[axis][axis]));
    const index = voxel[0] + facts.shape[0] * (voxel[1] + facts.shape[1] * voxel[2]);
    const [low, high] = facts.range;
    const value = (stored) => (stored ? (low + (stored - 1) * (high - low) / 254).toFixed(0) : "outside");
    const kind = KINDS[voxels.change[index] - 1];
    const chance = voxels.probability[index];
    const [space, shownPoint] = facts.mni ? ["MNI", carried(facts.mni, point)] : ["halfway space", point];
    const numbers = shownPoint.map((mm) => String(Math.round(mm) + 0).replace("-", "\u2212")).join(", ");
    views.dataset.point = point.map((mm) => mm.toFixed(1)).join(" ");
    control("place").textContent = `Cross-hair: ${space} x, y, z ${numbers} mm · intensity at baseline ` +
      `${value(voxels.baseline[index])}, follow-up ${value(voxels.followup[index])}` +
      (kind ? ` · ${kind}` : "") + (chance ? ` · probability of change ${(chance / 100).toFixed(2)}` : "");
  }

  function zoom(point) {
    const factor = Number(control("zoom").value);
    const line = LINE_PX / (scale() * factor);
    const pan = factor === 1 ? [0, 0, 0] : centre.map((middle, axis) => middle - factor * point[axis]);
    for (const view of shown) {
      view.setCrosshairWidth(line);
      view.setPan2Dxyzmm([...pan, factor]);
    }
  }

  /** Move the cross-hair of both views to `point`, in mm. */
  function go(point) {
    wanted = point;
    if (!shown.length) return;
    for (const view of shown) view.scene.crosshairPos = view.mm2frac(point);
    zoom(point);  // draws
    tell();
  }

  /** Pixels per mm of a plane that is drawn in a part of a view: [left, top, width, height] as shares. */
  function scaleIn(plane, part) {
    const { width, height } = canvases[1].getBoundingClientRect();
    return Math.min(width * part[2] / FIELDS[plane][0], height * part[3] / FIELDS[plane][1]);
  }

  /** The arrangement of three planes that shows the axial one larger. */
  function arrangement() {
    const [beside, stacked] = [BESIDE, STACKED].map((parts) => scaleIn("axial", parts[0].position));
    return stacked > beside ? STACKED : BESIDE;
  }

  /** Pixels per mm of the smallest plane that is shown, before zooming. */
  function scale() {
    const chosen = control("planes").value;
    if (chosen in SLICES) return scaleIn(chosen, [0, 0, 1, 1]);
    const names = Object.keys(SLICES);
    return Math.min(...arrangement().map((part) => scaleIn(names[part.sliceType], part.position)));
  }

  function planes() {
    const chosen = control("planes").value;
    for (const view of shown) {
      if (chosen in SLICES) {
        view.clearCustomLayout();
        view.setSliceType(SLICES[chosen]);
      } else {
        view.setCustomLayout(arrangement());
      }
    }
    zoom(place());
  }

  // Flicker: both views lie at one place, and one of them is hidden.
  let timer = null;
  const flickering = () => views.classList.contains("flicker");

  function together(on) {
    views.classList.toggle("flicker", on);
    views.classList.toggle("show-baseline", on);
    planes();
  }

  function exchange() {
    if (flickering()) views.classList.toggle("show-baseline");
    else together(true);
  }

  function run(on) {
    clearInterval(timer);
    timer = on ? setInterval(exchange, 1000 / Number(control("rate").value)) : null;
    control("flicker").setAttribute("aria-pressed", String(on));
  }

  function flicker(on) {
    run(on);
    together(on);
  }

  function swap() {
    run(false);
    exchange();
  }

  function moved(event) {
    const steps = { ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0],
      PageUp: [0, 0, 1], PageDown: [0, 0, -1] };  // the patient's right is on the left
    const step = steps[event.key];
    if (!step) return false;
    go(place().map((mm, axis) => mm + step[axis] * facts.affine[axis][axis]));
    return true;
  }

  /** Keys of the whole page, unless something is being written; at the pictures also those that move the cross-hair. */
  document.addEventListener("keydown", (event) => {
    const pictured = canvases.includes(event.target);
    if (pictured && moved(event)) event.preventDefault();
    const keys = { s: () => flicker(false), f: () => flicker(!timer), x: swap, o: () => { control("overlay").click(); } };
    const asked = keys[event.key];
    if (asked && shown.length && window.newlesions.listening(event)) asked();
    if (pictured) event.stopPropagation();  // NiiVue has keys of its own
  }, true);

  function connect() {
    for (const name of ["threshold", "opacity", "level", "width", ...KINDS.map((kind) => "show-" + kind)]) {
      control(name).addEventListener("input", refresh);
    }
    control("zoom").addEventListener("input", () => { say(); zoom(place()); });
    control("planes").addEventListener("change", planes);
    control("flicker").addEventListener("click", () => flicker(!timer));
    control("swap").addEventListener("click", swap);
    control("beside").addEventListener("click", () => flicker(false));
    control("rate").addEventListener("input", () => { say(); if (timer) run(true); });
    control("reset").addEventListener("click", () => {
      for (const id of ["level", "width"]) control(id).value = control(id).defaultValue;
      refresh();
    });
    control("overlay").addEventListener("click", () => {
      control("overlay").setAttribute("aria-pressed", String(!overlaid()));
      refresh();
    });
    for (const view of shown) view.onLocationChange = tell;
    shown[0].broadcastTo([shown[1]], { crosshair: true, zoomPan: true });
    shown[1].broadcastTo([shown[0]], { crosshair: true, zoomPan: true });
  }

  async function open(nifti, canvas, image) {
    const view = new nifti.Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [1, 1, 1, 0.55], crosshairWidth: 1, crosshairWidthUnit: "mm",
      crosshairGap: 9, isRadiologicalConvention: true, sagittalNoseLeft: true, dragAndDropEnabled: false,
      dragMode: 0, scrollRequiresFocus: true, multiplanarForceRender: false, multiplanarShowRender: 0,
      logLevel: "error", loadingText: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", viewModeHotKey: "",
      fontColor: [0.91, 0.93, 0.96, 1], fontMinPx: 15, showAllOrientationMarkers: true, isNearestInterpolation: false,
    });
    await view.attachToCanvas(canvas, false);
    const spacing = facts.affine.slice(0, 3).map((row, axis) => row[axis]);
    for (const [name, bytes] of [["visit", image], ["change", new Uint8Array(image.length)]]) {
      const file = nifti.NVImage.createNiftiArray(facts.shape, spacing, facts.affine.flat(), 2, bytes);
      await view.loadFromArrayBuffer(file.buffer, name + ".nii");
    }
    view.volumes[1].setColormapLabel(colours());
    return view;
  }

  function without(words) {
    message.textContent = words;
    section.classList.add("without-views");
    document.documentElement.dataset.viewer = "none";
  }

  async function start() {
    if (!document.createElement("canvas").getContext("webgl2")) {
      without("This browser cannot draw volumes (it has no WebGL 2), so the viewer is not shown. The pictures of each " +
        "lesion below show the same places; the list and its marks work.");
      return;
    }
    const nifti = await library();
    voxels = await volumes();
    marked = [];
    voxels.change.forEach((code, index) => { if (code || voxels.probability[index]) marked.push(index); });
    const both = [];
    for (const [index, canvas] of canvases.entries()) {
      both.push(await open(nifti, canvas, voxels[["baseline", "followup"][index]]));
    }
    shown = both;
    connect();
    go(wanted || data.lesions.map((lesion) => lesion.point).find(Boolean) || centre);
    planes();
    new ResizeObserver(planes).observe(canvases[1].parentElement);
    refresh();
    message.hidden = true;
    requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.viewer = "ready"; }));
  }

  document.addEventListener("lesion", (event) => { if (event.detail.point) go(event.detail.point); });
  say();
  start().catch((error) => {
    console.error(error);
    without("The viewer could not start (" + error.message + "). The pictures of each lesion below show the same places.");
  });
}());
