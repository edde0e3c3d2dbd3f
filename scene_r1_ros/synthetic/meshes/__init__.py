"""Parametric furniture, one module a family; every function is ``(rng, main material) -> Mesh``.

The meshes stand on z = 0, are centred on the z axis and face +y.
"""
