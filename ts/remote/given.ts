// What functions of the user's give, who may have forgotten to give anything.

/**
 * Waits for it until `signal` or `limitMs` end the wait.
 *
 * @throws The signal's reason; an error that names the function, after `limitMs`; what the function threw.
 */
export function given<Value>(
  name: string,
  ask: () => Promise<Value>,
  { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number },
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
    const onEnd = (): void => {
      reject(signal.aborted ? signal.reason : new Error(`the function ${name} gave nothing within ${limitMs} ms`))
    }
    end.addEventListener('abort', onEnd, { once: true })
    if (end.aborted) onEnd()
    else ask().then(resolve, reject)
  })
}
