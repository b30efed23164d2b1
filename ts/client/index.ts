/** The version of the browser library's protocol. */
export const clientProtocol = 1
