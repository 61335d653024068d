"""Files of your own: images, sounds, clips, meshes and text."""
