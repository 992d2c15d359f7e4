# what: Pop!_OS with its driver, and NVIDIA's archive with its pin
# breakage: none
# machine: pop-22.04-rtx-3090
# state: pop-pins
:
