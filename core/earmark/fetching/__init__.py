"""Published files: what plugins say of them, and how they are brought, checked and unpacked."""
