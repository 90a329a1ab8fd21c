// Training: an orange bar on every screen; a supervisor's PIN begins it, one button ends it.
import { $, setText, show } from "./screens.js";
import { say, time } from "./text.js";

export function renderTraining({ training }) {
  show($("training"), Boolean(training));
  document.body.toggleAttribute("data-training", Boolean(training));
  if (training) setText($("training-text"), say("training", { t: time(training.until) }));
  show($("train"), !training);
}

export function listenTraining(tellAgent, whyNot, close, accept) {
  const act = async (body) => {
    try {
      const answer = await tellAgent("/panel/act", body);
      setText($("train-trouble"), answer.ok ? "" : await whyNot(answer));
      if (answer.ok) accept(await answer.json());
      return answer.ok;
    } catch (_) {
      setText($("train-trouble"), say("timeout"));
      return false;
    }
  };
  $("train-begin").addEventListener("click", async () => {
    const pin = $("train-pin").value.trim();
    $("train-pin").value = "";
    if (pin && await act({ do: "train", on: true, pin })) close();
  });
  $("training-end").addEventListener("click", () => act({ do: "train", on: false }));
}
