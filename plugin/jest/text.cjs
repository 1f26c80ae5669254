/** What a page shows of a file of text is its content. */
module.exports = { process: (text) => ({ code: `module.exports = ${JSON.stringify(text)};` }) };
