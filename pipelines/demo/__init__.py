"""The whole job on embedded photos, with a picture at the end."""
