import { direct, upload } from "/-/upload.js";

const at = (id) => document.getElementById(id);
const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
let running = null;

at("key").value = sessionStorage.getItem("key") ?? "";
at("route").value = sessionStorage.getItem("route") ?? "";

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = at("file").files;
  const [key, route] = [at("key").value.trim(), at("route").value.trim()];
  sessionStorage.setItem("key", key);
  sessionStorage.setItem("route", route);
  at("running").hidden = false;
  at("result").textContent = "";
  running = upload(file, {
    api: direct(location.origin, key),
    route,
    onProgress: ({ sent, total }) => {
      at("bar").value = total ? sent / total : 1;
      at("sent").textContent = `${mib(sent)} of ${mib(total)}`;
    },
    onPart: (number) => (document.body.dataset.parts = `${document.body.dataset.parts ?? ""} ${number}`.trim()),
    onState: show,
  });
  show(running.state);
  try {
    const uploaded = await running.done;
    const link = Object.assign(document.createElement("a"), { href: uploaded.url, textContent: uploaded.url });
    at("result").replaceChildren("Uploaded: ", link);
  } catch (error) {
    at("result").textContent = `${error.code ?? error.name}: ${error.message}`;
  }
});

at("pause").addEventListener("click", () => (running?.state === "paused" ? running.resume() : running?.pause()));
at("cancel").addEventListener("click", () => running?.cancel());

function show(state) {
  at("state").textContent = state[0].toUpperCase() + state.slice(1);
  at("pause").textContent = state === "paused" ? "Resume" : "Pause";
  at("pause").disabled = at("cancel").disabled = !["uploading", "paused"].includes(state);
}
