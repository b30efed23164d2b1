/** The version of the package, as in package.json. */
export declare const version: string
