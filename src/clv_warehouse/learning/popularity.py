"""How popular what nobody has bought is held to be."""

# What was bought in a window counts as bought this much more often, so that nothing is
# impossible. An encoder and what reads its scores must count alike.
NOBODY = 0.3
