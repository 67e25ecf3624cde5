"""The same from a shell: python -m diffusion_lib. May import everything, the heavy parts where they are used."""
