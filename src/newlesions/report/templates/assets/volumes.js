// What the page carries: unpacking volumes and the viewer's library. Nothing is asked of anyone else.
(function () {
  "use strict";

  /** The bytes of the data URI that the element of this id holds. */
  async function unpack(id) {
    const text = document.getElementById(id).textContent;
    const packed = Uint8Array.from(atob(text.slice(text.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** NiiVue: its text becomes a script, which the page's policy knows by its digest. */
  async function library() {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await unpack("niivue"));
    document.head.append(script);
    script.remove();
    if (!window.niivue) throw new Error("the viewer's library did not start");
    return window.niivue;
  }

  /** Both visits, the codes of change and the probability in percent: bytes, the first axis fastest. */
  async function volumes() {
    const names = ["baseline", "followup", "change", "probability"];
    const found = await Promise.all(names.map((name) => unpack("volume-" + name)));
    return Object.fromEntries(names.map((name, index) => [name, found[index]]));
  }

  /** Whether a key is meant for the page: not while something is written, not with modifiers, not if turned off. */
  function listening(event) {
    const off = document.getElementById("shortcuts");
    const writes = "input:not([type=range], [type=checkbox]), textarea, select";
    return !(off && !off.checked) && !event.ctrlKey && !event.metaKey && !event.altKey &&
      !document.querySelector("dialog[open]") && !event.target.closest(writes);
  }

  window.newlesions = {
    data: JSON.parse(document.getElementById("pair-data").textContent),
    listening,
    library,
    volumes,
  };
}());
