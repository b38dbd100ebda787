// The secret is made here, from words that the witness types and the phone's own randomness; it stays on this phone
// until the witness reveals it.
import { start, storage } from "./common.js";
import { commitmentFrame, digestOf, fromHex, secretFrame, toHex } from "./protocol.js";

start();
const kept = storage("localStorage");
// Commit and reveal are different pages: the draw and the witness together name the secret.
const names = (e) => (e.dataset.witnessForm !== undefined
  ? { kind: e.dataset.witnessForm, witness: e.dataset.witness }
  : { kind: e.dataset.witness, witness: e.dataset.code });
const keyOf = (e) => `witness:${e.dataset.token || `${e.dataset.digest}:${names(e).witness}`}`;
const field = (form, ...wanted) => wanted.map((name) => form.elements[name]).find(Boolean);
const warn = (form) => { const text = form.querySelector("[data-missing]"); if (text) { text.hidden = false; text.setAttribute("role", "alert"); } };

async function makeSecret(words) {
  const noise = crypto.getRandomValues(new Uint8Array(32));
  return toHex(await digestOf(secretFrame(noise, words)));
}

for (const form of document.querySelectorAll("form[data-witness-form], form[data-witness]")) {
  const { kind, witness } = names(form), key = keyOf(form);
  let ready = false;
  const show = (secret) => document.querySelectorAll("[data-secret]").forEach((e) => { e.textContent = secret || ""; });
  show(kept?.getItem(key));

  const fill = async () => {
    if (kind === "commit") {
      const secret = kept?.getItem(key) || await makeSecret(form.elements.words.value);
      kept?.setItem(key, secret);
      // A phone that can't keep the secret must not commit to it.
      if (kept?.getItem(key) !== secret) return false;
      show(secret);
      field(form, "commitment", "value").value = toHex(await digestOf(commitmentFrame(fromHex(form.dataset.digest), witness, fromHex(secret))));
      form.elements.words.disabled = true; // the words never leave the phone
      return true;
    }
    const secret = field(form, "secret").value.trim() || kept?.getItem(key) || "";
    if (!/^([0-9a-f]{2}){16,}$/i.test(secret)) return false;
    if (form.dataset.commitment && form.dataset.digest
      && toHex(await digestOf(commitmentFrame(fromHex(form.dataset.digest), witness, fromHex(secret)))) !== form.dataset.commitment) return false;
    field(form, "secret").value = secret;
    return true;
  };

  form.addEventListener("submit", async (e) => {
    if (ready) return;
    e.preventDefault();
    const submitter = e.submitter;
    ready = await fill().catch((error) => { console.error(error); return false; });
    if (!ready) return warn(form);
    // Short digests are ready before the event is over, and a form can't be submitted within its own submission.
    setTimeout(() => (form.requestSubmit ? form.requestSubmit(submitter) : form.submit()));
  });
}

// Once revealed, the secret is public and the phone forgets it.
document.querySelectorAll("[data-witness-done]").forEach((e) => kept?.removeItem(`witness:${e.dataset.token || `${e.dataset.digest}:${e.dataset.witnessDone}`}`));
