// README's first program
// budget: 26 compiled 26, goal: 10.0 compiled 4.5
