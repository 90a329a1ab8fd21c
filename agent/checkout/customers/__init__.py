"""Who is at the till: found, named by the centre, joined, asked for a proof, limited; and what they have here."""
