"""What a manifest says, in any form that people have: bytes become records, and lines that are left out."""
