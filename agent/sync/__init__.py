"""The client of the central server: wire, two threads, enrolment; the only importer of the HTTP client."""
