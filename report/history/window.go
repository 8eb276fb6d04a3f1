package history

// Window is how many runs decide what flaps.
const Window = 20
