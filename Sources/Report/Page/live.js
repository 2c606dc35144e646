/** Asks the page's own server for a newer document: every 2 s, less often while it fails. */
class LiveDocument {
  constructor(onchange) {
    this.onchange = onchange;
    this.pause = 2000;
    this.tag = null;
    this.status = document.getElementById("connection");
  }

  async follow() {
    for (;;) {
      await this.ask();
      await new Promise((resolve) => setTimeout(resolve, this.pause));
      await this.visible();
    }
  }

  /** Waits until somebody can see the page. */
  visible() {
    return new Promise((resolve) => {
      const check = () => {
        if (document.hidden) return;
        document.removeEventListener("visibilitychange", check);
        resolve();
      };
      document.addEventListener("visibilitychange", check);
      check();
    });
  }

  async ask() {
    try {
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      const answer = await fetch("report.json", {
        headers, cache: "no-store", signal: AbortSignal.timeout(10000),
      });
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        const report = await answer.json();
        this.tag = answer.headers.get("ETag");
        this.onchange(report);
      }
      this.pause = 2000;
      this.say("live");
    } catch {
      this.pause = Math.min(this.pause * 2, 30000);
      this.say("connection lost");
    }
  }

  say(state) {
    if (this.status.textContent === state) return;
    this.status.textContent = state;
    this.status.className = state === "live" ? "live" : "lost";
  }
}
