"""Set-up of a till: three questions or an answer file, trials of what was chosen, the settings file, the enrolment."""
