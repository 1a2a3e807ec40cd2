/** Milliseconds that this process was kept from running, until asked: that the machine is busy is no fault of what is measured. */
export function startHeldUp(): () => number {
  let late = 0
  let last = performance.now()
  const look = () => {
    late += Math.max(0, performance.now() - last - 15)
    last = performance.now()
  }
  const timer = setInterval(look, 10).unref()
  return () => {
    clearInterval(timer)
    // It may be held up at this very moment: what waited for is then told before the timer's turn.
    look()
    return late
  }
}
