// One player for the whole app. It lives outside the page's own tree, so it keeps playing while Streamlit redraws.
//
//   a.moment[data-t]        plays from that second; what plays is said by the nearest [data-episode] around it
//   button[data-copy]       copies that address
//   a[href] and form        within the app: the address changes and Streamlit draws the page, without loading it anew
//
// Everything read from the page is checked again here: a recording comes from this server's own `listen`, a video id is
// eleven letters, and YouTube is not contacted before a press on play.

const PAGES = ["home", "search", "ask", "show", "episode", "notes", "note"];
const YOUTUBE = "https://www.youtube-nocookie.com";
const KEPT = "hark-player";

export default function ({ data }) {
  const hark = (window.hark ??= makePlayer());
  hark.arrive(data.at, data.place);
}

// --- times ----------------------------------------------------------------------------------------------------------

function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds || 0));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return (h ? `${h}:${two(Math.floor(s / 60) % 60)}` : `${Math.floor(s / 60)}`) + `:${two(s % 60)}`;
}

// --- what plays -----------------------------------------------------------------------------------------------------

// The second that a link stands for: a time, or a wiki-link to a note at a time.
function momentOf(anchor) {
  let t = NaN;
  if (anchor.matches("a.moment[data-t]")) t = Number(anchor.dataset.t);
  else if (anchor.matches('article.note a.wikilink[href^="episode?"]')) t = Number(new URL(anchor.href).searchParams.get("t") ?? NaN);
  return Number.isFinite(t) && t >= 0 ? t : null;
}

function sourceOf(anchor) {
  const around = anchor.matches(".wikilink") ? null : anchor.closest("[data-episode]");
  const named = around ? null : new URL(anchor.href).searchParams.get("id");
  const box = around ?? (named ? document.querySelector(`[data-source="${CSS.escape(named)}"]`) : null);
  if (!box) return null;
  const { title = "", media = "", video = "", duration = "" } = box.dataset;
  return checked({ episode: box.dataset.episode ?? named, title, media, video, duration });
}

function checked(source) {
  if (!source || !source.episode) return null;
  const { episode, title } = source;
  const media = /^listen\?episode=/.test(source.media) ? source.media : "";
  const video = /^[A-Za-z0-9_-]{11}$/.test(source.video) ? source.video : "";
  const duration = Math.max(0, Number(source.duration) || 0);
  return media || video ? { episode: String(episode), title: String(title), media, video, duration } : null;
}

const root = () => new URL(".", document.baseURI === location.href ? location.href : document.baseURI);

// --- the bar --------------------------------------------------------------------------------------------------------

const BAR = `
  <div class="hark-screen" hidden></div>
  <div class="hark-controls">
    <button type="button" class="hark-play" aria-label="Play"></button>
    <button type="button" class="hark-back" aria-label="Back 10 seconds">−10</button>
    <button type="button" class="hark-on" aria-label="Forward 30 seconds">+30</button>
    <div class="hark-what"><a class="hark-title"></a><span class="hark-status" role="status"></span></div>
    <span class="hark-time" aria-hidden="true">0:00</span>
    <input class="hark-scrub" type="range" min="0" max="1" step="0.1" value="0" aria-label="Position">
    <span class="hark-length" aria-hidden="true"></span>
    <button type="button" class="hark-speed" aria-label="Speed">1×</button>
    <button type="button" class="hark-copy copy" data-copy="">Copy link</button>
    <button type="button" class="hark-close" aria-label="Close the player">×</button>
  </div>`;
const SPEEDS = [1, 1.25, 1.5, 1.75, 2, 0.75];

function makePlayer() {
  const bar = document.createElement("section");
  bar.id = "hark-player";
  bar.hidden = true;
  bar.setAttribute("aria-label", "Player");
  bar.innerHTML = BAR; // our own text, nothing from outside
  const part = (name) => bar.querySelector(`.hark-${name}`);
  const media = document.createElement("video"); // plays sound files just as well
  media.id = "hark-media";
  media.preload = "metadata";
  media.playsInline = true;
  const screen = part("screen");
  screen.append(media);
  document.body.append(bar);

  const state = { source: null, frame: null, t: 0, duration: 0, playing: false, speed: 1 };
  const engine = () => (state.source && !state.source.media ? video : audio);

  // A local recording: one element, seeked in place.
  const audio = {
    load(source, t) {
      media.src = new URL(source.media, root()).href;
      media.playbackRate = media.defaultPlaybackRate = state.speed;
      media.currentTime = t;
    },
    seek: (t) => (media.currentTime = media.duration ? Math.min(t, Math.max(0, media.duration - 0.2)) : t),
    play: () => media.play().catch((error) => error.name === "AbortError" || say("Press play to listen.")),
    pause: () => media.pause(),
    speed: (rate) => (media.playbackRate = media.defaultPlaybackRate = rate),
    stop() {
      media.removeAttribute("src");
      media.load();
    },
  };

  // YouTube's own player, in a frame that is made at the first press on play.
  const send = (func, ...args) =>
    state.frame?.contentWindow?.postMessage(JSON.stringify({ event: "command", func, args }), YOUTUBE);
  const video = {
    load: (_source, t) => (state.t = t),
    seek: (t) => (state.frame ? send("seekTo", t, true) : (state.t = t)),
    play() {
      if (state.frame) return send("playVideo");
      const frame = document.createElement("iframe");
      const asked = new URLSearchParams({
        autoplay: "1",
        enablejsapi: "1",
        origin: location.origin,
        playsinline: "1",
        start: String(Math.floor(state.t)),
      });
      frame.src = `${YOUTUBE}/embed/${state.source.video}?${asked}`;
      frame.title = state.source.title || "YouTube";
      frame.allow = "autoplay; encrypted-media; fullscreen; picture-in-picture";
      frame.referrerPolicy = "strict-origin";
      frame.addEventListener("load", () => {
        frame.contentWindow.postMessage(JSON.stringify({ event: "listening", id: "hark" }), YOUTUBE);
      });
      state.frame = frame;
      screen.append(frame);
      state.playing = true;
      show();
    },
    pause: () => send("pauseVideo"),
    speed: (rate) => send("setPlaybackRate", rate),
    stop() {
      state.frame?.remove();
      state.frame = null;
    },
  };

  addEventListener("message", (event) => {
    if (event.origin !== YOUTUBE || event.source !== state.frame?.contentWindow) return;
    let told;
    try {
      told = JSON.parse(event.data).info;
    } catch {
      return;
    }
    if (typeof told?.currentTime === "number") state.t = told.currentTime;
    if (typeof told?.duration === "number") state.duration = told.duration;
    if (typeof told?.playerState === "number") state.playing = told.playerState === 1 || told.playerState === 3;
    show();
  });

  media.addEventListener("timeupdate", () => ((state.t = media.currentTime), show()));
  media.addEventListener("loadedmetadata", () => {
    state.duration = Number.isFinite(media.duration) ? media.duration : 0;
    if (state.duration && media.currentTime >= state.duration) {
      say(`The recording ends at ${clock(state.duration)}.`);
      media.currentTime = Math.max(0, state.duration - 0.2);
    }
    media.classList.toggle("has-picture", media.videoWidth > 0);
    show();
  });
  for (const name of ["play", "pause", "ended", "seeked"]) {
    media.addEventListener(name, () => ((state.playing = !media.paused && !media.ended), (state.t = media.currentTime), show()));
  }
  media.addEventListener("error", () => {
    if (media.getAttribute("src")) say("This recording cannot be played here.");
  });

  function use(source, t) {
    const same = state.source?.media === source.media && state.source?.video === source.video;
    if (same) {
      state.source = source;
      engine().seek(t);
    } else {
      engine().stop();
      Object.assign(state, { source, t, duration: source.duration, playing: false });
      engine().load(source, t);
    }
    state.t = t;
    say("");
    show();
  }

  function playAt(source, t) {
    use(source, t);
    engine().play();
  }

  function seekBy(seconds) {
    const t = Math.max(0, state.t + seconds);
    engine().seek(t);
    state.t = t;
    show();
  }

  function toggle() {
    if (!state.source) return;
    if (state.playing) engine().pause();
    else engine().play();
  }

  function close() {
    engine().stop();
    Object.assign(state, { source: null, playing: false, t: 0, duration: 0 });
    sessionStorage.removeItem(KEPT);
    show();
  }

  function nextSpeed() {
    state.speed = SPEEDS[(SPEEDS.indexOf(state.speed) + 1) % SPEEDS.length];
    engine().speed(state.speed);
    show();
  }

  // --- showing it ---------------------------------------------------------------------------------------------------

  const say = (text) => (part("status").textContent = text);
  const momentAddress = () =>
    `episode?${new URLSearchParams({ id: state.source.episode, t: String(Math.floor(state.t)) })}`;

  function show() {
    bar.hidden = !state.source;
    document.documentElement.classList.toggle("hark-open", !bar.hidden);
    mark();
    if (!state.source) return;
    const { source } = state;
    screen.hidden = source.media ? !media.classList.contains("has-picture") : !state.frame;
    part("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
    bar.classList.toggle("playing", state.playing);
    part("title").textContent = source.title;
    part("title").href = momentAddress();
    part("copy").dataset.copy = momentAddress();
    part("time").textContent = clock(state.t);
    part("length").textContent = state.duration ? clock(state.duration) : "";
    const scrub = part("scrub");
    scrub.max = String(state.duration || 1);
    scrub.disabled = !state.duration;
    if (!scrub.matches(":active")) scrub.value = String(state.duration ? state.t : 0);
    scrub.style.setProperty("--played", `${state.duration ? (100 * state.t) / state.duration : 0}%`);
    scrub.setAttribute("aria-valuetext", `${clock(state.t)} of ${clock(state.duration)}`);
    part("speed").textContent = `${state.speed}×`;
  }

  let spoken = [];
  let marked = null;
  function mark() {
    const episode = state.source?.episode;
    if (!spoken[0]?.isConnected || spoken.episode !== episode) {
      spoken = episode ? [...document.querySelectorAll(`[data-episode="${CSS.escape(episode)}"] .said[data-t]`)] : [];
      spoken.episode = episode;
      spoken.at = spoken.map((element) => Number(element.dataset.t));
    }
    let low = 0;
    let high = spoken.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (spoken.at[middle] <= state.t + 0.05) low = middle + 1;
      else high = middle;
    }
    const now = low ? spoken[low - 1] : null;
    if (now === marked && marked?.isConnected) return;
    marked?.classList.remove("speaking");
    marked = now;
    marked?.classList.add("speaking");
  }

  // --- the reader's hand --------------------------------------------------------------------------------------------

  part("play").addEventListener("click", toggle);
  part("back").addEventListener("click", () => seekBy(-10));
  part("on").addEventListener("click", () => seekBy(30));
  part("speed").addEventListener("click", nextSpeed);
  part("close").addEventListener("click", close);
  part("scrub").addEventListener("input", (event) => {
    state.t = Number(event.target.value);
    engine().seek(state.t);
    show();
  });

  async function copy(button) {
    const address = new URL(button.dataset.copy, root()).href;
    const label = (button.dataset.label ??= button.textContent);
    try {
      await navigator.clipboard.writeText(address);
      button.textContent = "Copied";
    } catch {
      prompt("Copy this link", address); // the browser refuses: let the reader copy by hand
    }
    setTimeout(() => (button.textContent = label), 1600);
  }

  function inside(address) {
    const url = new URL(address, root());
    const home = root();
    if (url.origin !== home.origin || !url.pathname.startsWith(home.pathname)) return null;
    const page = url.pathname.slice(home.pathname.length).replace(/\/$/, "") || "home";
    return PAGES.includes(page) ? url : null;
  }

  // Streamlit draws whatever the address says when the reader goes back or forward: a new address, announced in the same
  // way, is drawn in the session that is there. `st.switch_page` would leave a page in the history that never was.
  let awaited = 0;
  function goTo(url) {
    if (url.href === location.href) return land(here.place);
    history.replaceState({ ...history.state, scrolled: scroller()?.scrollTop }, "");
    history.pushState({}, "", url);
    dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    clearTimeout(awaited);
    awaited = setTimeout(() => location.reload(), 10000); // a server that has gone away answers no click
  }

  document.addEventListener(
    "click",
    (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const target = event.target instanceof Element ? event.target : null;
      const button = target?.closest("button[data-copy]");
      if (button) return void copy(button);
      const anchor = target?.closest("a[href]");
      if (!anchor) return;
      const t = momentOf(anchor);
      const source = t === null ? null : sourceOf(anchor);
      if (source) {
        event.preventDefault();
        playAt(source, t);
        return;
      }
      const url = anchor.target || anchor.hasAttribute("download") ? null : inside(anchor.href);
      if (!url) return;
      event.preventDefault();
      goTo(url);
    },
    true,
  );

  document.addEventListener("submit", (event) => {
    const url = event.target.matches("form[data-inside]") ? inside(event.target.action) : null;
    if (!url) return;
    event.preventDefault();
    url.search = new URLSearchParams(new FormData(event.target)).toString();
    if (url.search.length > 3) goTo(url);
  });

  document.addEventListener("keydown", (event) => {
    if (!state.source || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable], [role=combobox]")) return;
    const act = { k: toggle, j: () => seekBy(-10), l: () => seekBy(30) }[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // --- arriving on a page -------------------------------------------------------------------------------------------

  const scroller = () => document.querySelector(".stMain");
  const here = { at: null, place: null, back: undefined };
  addEventListener("popstate", (event) => (here.back = event.state?.scrolled));

  function arrive(at, place) {
    clearTimeout(awaited);
    dress();
    if (at !== here.at) {
      const first = here.at === null;
      Object.assign(here, { at, place });
      if (place) land(place);
      else if (!first) scrollTo(here.back ?? 0);
      here.back = undefined;
    }
    show();
  }

  function land(place) {
    if (!place) return scrollTo(0);
    const source = checked(place.source);
    if (source && place.t !== null && !state.playing) use(source, place.t);
    if (place.t !== null || place.heading) find(place);
    else scrollTo(here.back ?? 0);
  }

  function scrollTo(top) {
    soon(() => {
      const box = scroller();
      box?.scrollTo(0, top);
      return box && Math.abs(box.scrollTop - top) < 2;
    });
  }

  function find(place) {
    soon(() => {
      const element = place.heading ? document.getElementById(place.heading) : sentenceAt(place);
      element?.scrollIntoView({ block: place.heading ? "start" : "center" });
      element?.classList.add("arrived");
      return Boolean(element);
    });
  }

  // The page may be drawn a moment later: tries again whenever something is added, for a while.
  let watching = null;
  function soon(attempt) {
    watching?.disconnect();
    if (attempt()) return;
    const watch = new MutationObserver(() => attempt() && watch.disconnect());
    watch.observe(document.body, { childList: true, subtree: true });
    watching = watch;
    setTimeout(() => watch.disconnect(), 3000);
  }

  function sentenceAt(place) {
    const all = document.querySelectorAll(`article[data-episode="${CSS.escape(place.source.episode)}"] :is(.said, a.moment)[data-t]`);
    let best = null;
    for (const element of all) {
      if (Number(element.dataset.t) > place.t + 0.05) break;
      best = element;
    }
    return best;
  }

  // --- staying over a full load -------------------------------------------------------------------------------------

  addEventListener("pagehide", () => {
    if (state.source) sessionStorage.setItem(KEPT, JSON.stringify({ source: state.source, t: state.t, speed: state.speed }));
  });
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    const source = checked(kept?.source);
    if (source && Number.isFinite(kept.t)) {
      if (SPEEDS.includes(kept.speed)) state.speed = kept.speed;
      use(source, kept.t);
    }
  } catch {
    sessionStorage.removeItem(KEPT);
  }

  // --- looks --------------------------------------------------------------------------------------------------------

  function dress() {
    const app = document.querySelector(".stApp");
    if (app) document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(dress, 300));

  return { arrive };
}
