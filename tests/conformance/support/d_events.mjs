// The events of application D: what each is sent with, and what comes back.

export const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const BYTES = Buffer.from("asdfasdf");
export const UTF8 = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];

const greeting = (message) => ({ hello: "lol", message, goodbye: "gotcha" });

/** Events that are answered by an event: what is emitted, one list of arguments an event, and what must come. */
export const answered = [
  { name: "hi", sent: [["hi"]], comes: [["hi"]] },
  { name: "getUtf8", sent: [["getUtf8"]], comes: UTF8.map((text) => ["takeUtf8", text]) },
  { name: "false", sent: [["false"]], comes: [["false", false]] },
  { name: "doge", sent: [["doge"]], comes: [["doge", BYTES]] },
  { name: "getbin", sent: [["getbin"]], comes: [["takebin", BYTES]] },
  { name: "buffa", sent: [["buffa", BYTES]], comes: [["buffack"]] },
  { name: "jsonbuff", sent: [["jsonbuff", greeting(BYTES)]], comes: [["jsonbuff-ack"]] },
  { name: "abuff1, abuff2", sent: [["abuff1", BYTES], ["abuff2", "please arrive second"]], comes: [["abuff2-ack"]] },
  { name: "blob", sent: [["blob", BYTES]], comes: [["back"]] },
  { name: "jsonblob", sent: [["jsonblob", greeting(BYTES)]], comes: [["jsonblob-ack"]] },
  { name: "blob1, blob2, blob3", sent: [["blob1", BYTES], ["blob2", "second"], ["blob3", BYTES]], comes: [["blob3-ack"]] },
];

/** Events that must be answered by nothing, each with why. */
export const unanswered = [
  { name: "buffa with text is no binary", sent: [["buffa", "text"]] },
  { name: "blob with text is no binary", sent: [["blob", "text"]] },
  { name: "jsonbuff without binary", sent: [["jsonbuff", greeting("text")]] },
  { name: "jsonbuff with another hello", sent: [["jsonbuff", { ...greeting(BYTES), hello: "no" }]] },
  { name: "jsonbuff with another goodbye", sent: [["jsonbuff", { ...greeting(BYTES), goodbye: "no" }]] },
  { name: "jsonblob without binary", sent: [["jsonblob", greeting("text")]] },
  { name: "abuff2 without abuff1", sent: [["abuff2", "first"]] },
  { name: "blob3 without blob2", sent: [["blob1", BYTES], ["blob3", BYTES]] },
  { name: "blob3 when blob2 came before blob1", sent: [["blob2", "second"], ["blob1", BYTES], ["blob3", BYTES]] },
  { name: "unknown", sent: [["unknown", 1]] },
  { name: "event", sent: [["event"]] },
  { name: "my-event", sent: [["my-event", BYTES]] },
];
