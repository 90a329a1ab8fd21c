"""`tillpoint update now`, as the agent hears it: done once, however often the agent starts meanwhile, and answered.

The command lays a file where only an administrator may write; its time is the word's name. What the agent says of it
lies in the inbox: who waits at the command reads it, and an agent that starts again knows what was done already.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.updating.places import Places
from agent.updating.records import Hearing, HearingState, keep, read

__all__ = ["LASTS_S", "Word"]

log = logging.getLogger(__name__)

LASTS_S: Final = 1_800.0  # an archive over a slow line, and the watch; whoever said it has gone by then


@dataclass(slots=True)
class Word:
    """The newest word and what became of it.

    Args:
        places: where it is laid and answered.
        now_s: the wall clock, in seconds since 1970, as the file's time.
    """

    places: Places
    now_s: Callable[[], float] = time.time
    _word: int = 0
    _past: int = 0
    _said: str = ""
    _is_new: bool = False
    _state: HearingState = HearingState.GOING

    @property
    def stands(self) -> bool:
        """Whether somebody wants a newer version now."""
        return self._word != 0

    @property
    def is_new(self) -> bool:
        """Whether the centre was not asked for it yet."""
        return self._is_new

    def look(self) -> None:
        """Whether there is a word that was not heard before; one that an agent before this one heard goes on."""
        try:
            seen = self.places.asked_now.stat().st_mtime_ns
        except OSError:
            return
        if seen in {self._word, self._past}:
            return
        heard = read(self.places.hearing, Hearing)
        is_past = heard is not None and heard.word == seen and heard.state is not HearingState.GOING
        if is_past or abs(self.now_s() - seen / 1e9) > LASTS_S:
            self._past = seen
            return
        self._word, self._is_new, self._said, self._state = seen, True, "", HearingState.GOING

    def asked(self) -> None:
        """The centre is being asked for it."""
        self._is_new = False
        self.say("asking the centre")

    def say(self, sentence: str) -> None:
        """What it waits for, to whoever waits at the command."""
        if self._word and sentence != self._said:
            self._said = sentence
            self._write()

    def hand_over(self) -> None:
        """The updater does the rest: an agent that starts now does not ask again. This one goes on waiting."""
        if self._word:
            self._state = HearingState.HANDED
            self._write()

    def end(self, sentence: str, state: HearingState = HearingState.FAILED) -> None:
        """Nothing more comes of it."""
        if self._word:
            self._said, self._state = sentence, state
            self._write()
            self._past, self._word, self._is_new = self._word, 0, False

    def _write(self) -> None:
        try:
            self.places.inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep(self.places.hearing, Hearing(word=self._word, state=self._state, said=self._said[:1_000]))
        except OSError as error:
            log.info("update.hearing unwritten reason=%s", error.strerror)
