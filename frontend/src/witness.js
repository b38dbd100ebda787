import { commitment, toHex } from "./protocol.js";
import { sha256 } from "./sha256.js";
import { start } from "./common.js";

start();
const text = (s) => new TextEncoder().encode(s);
const fromHex = (h) => Uint8Array.from(h.match(/../g).map((b) => parseInt(b, 16)));

// The secret is made here: words that the witness types, mixed with the phone's own randomness. It stays on this
// phone until the witness reveals it.
for (const form of document.querySelectorAll("[data-witness]")) {
  const key = "witness:" + form.dataset.token;
  const secretShown = document.querySelector("[data-secret]");
  const stored = localStorage.getItem(key);
  if (stored && secretShown) secretShown.textContent = stored;
  form.addEventListener("submit", (e) => {
    if (form.dataset.witness === "commit") {
      let secret = localStorage.getItem(key);
      if (!secret) {
        const noise = crypto.getRandomValues(new Uint8Array(32));
        const words = text(form.elements.words.value);
        const mixed = new Uint8Array(noise.length + words.length);
        mixed.set(noise); mixed.set(words, noise.length);
        secret = toHex(sha256(mixed));
        localStorage.setItem(key, secret);
      }
      form.elements.value.value = toHex(commitment(fromHex(form.dataset.digest), form.dataset.code, fromHex(secret)));
      form.elements.words.value = "";
    } else if (!form.elements.secret.value) {
      const secret = localStorage.getItem(key);
      if (!secret) { e.preventDefault(); form.querySelector("[data-missing]").hidden = false; return; }
      form.elements.secret.value = secret;
    }
  });
}
