// Every word of the page, in both languages, and the way it reaches the page. Knows nothing of the chat.
//
// An element that shows a string carries its key (`data-text`, `data-label`, `data-hint`, `data-placeholder`) and, if the string
// has holes, their values (`data-values`), so that changing the language is one walk over the page.

/** The name of a technique in the middle of an English sentence. */
const inside = (name) => name.replace(/^(?=Automatic|Short|Long)./, (letter) => letter.toLowerCase());

/** `key: [English, Japanese]`; a function where the words depend on a number or a name. */
const table = {
  "title": ["Switchboard", "Switchboard"],
  "tagline": ["One chat, carried four ways", "ひとつのチャット、4つの運び方"],
  "skip": ["Skip to the message box", "メッセージ入力欄へ移動"],
  "language.label": ["Read this page in Japanese", "このページを英語で読む"],
  "language.name": ["日本語", "English"],

  "state.connecting": ["Connecting", "接続しています"],
  "state.open": ["Connected", "接続中"],
  "state.carrier": [({ via }) => `over ${inside(via)}`, ({ via }) => `${via} 経由`],
  "state.cut": ["Reconnecting", "再接続しています"],
  "state.ended": ["Disconnected", "切断されました"],
  "state.broken": ["No client", "クライアントなし"],
  "banner.connecting": ["Plugging in.", "接続しています。"],
  "banner.cut": [
    ({ tries }) => `The line is cut. ${tries > 1 ? `Attempt ${tries}. ` : ""}What you write waits here and goes out once, when the line is back.`,
    ({ tries }) => `回線が切れました。${tries > 1 ? `再接続 ${tries} 回目です。` : ""}書いたものはここで待ち、つながり次第、一度だけ送られます。`,
  ],
  "banner.ended": [
    "The server ended this session. The page plugs in again by itself.",
    "サーバーがこのセッションを終えました。自動でつなぎ直します。",
  ],
  "banner.broken": [
    "The browser client at /socket.io/socket.io.min.js could not be loaded, so there is no line to plug in.",
    "/socket.io/socket.io.min.js を読み込めなかったため、接続できません。",
  ],
  "banner.refused": [({ why }) => `The server refused: ${why}`, ({ why }) => `サーバーに拒否されました: ${why}`],
  "banner.retry": ["Try now", "今すぐ試す"],

  "people.label": ["Who is here", "参加者"],
  "people.count": [({ n }) => `${n} here`, ({ n }) => `${n} 人`],
  "people.you": ["you", "あなた"],
  "people.more": [({ n }) => `and ${n} more`, ({ n }) => `ほか ${n} 人`],
  "typing.one": [({ a }) => `${a} is typing`, ({ a }) => `${a} さんが入力中`],
  "typing.two": [({ a, b }) => `${a} and ${b} are typing`, ({ a, b }) => `${a} さんと ${b} さんが入力中`],
  "typing.many": [({ n }) => `${n} people are typing`, ({ n }) => `${n} 人が入力中`],

  "log.label": ["Lines of the chat", "チャットの発言"],
  "log.you": ["you", "あなた"],
  "log.empty.head": ["The line is open.", "回線は開いています。"],
  "log.empty.body": [
    "Say something, or open this page in more windows, each over another technique. They all hear the same lines.",
    "何か書いてみてください。別の方式の窓をいくつか開くと、どの窓にも同じ発言が届きます。",
  ],
  "log.gap": [
    ({ from, to }) => (from === to ? `Line ${from} is missing here` : `Lines ${from} to ${to} are missing here`),
    ({ from, to }) => (from === to ? `${from} 番の発言が届いていません` : `${from} 番から ${to} 番の発言が届いていません`),
  ],
  "log.pending": ["on its way", "送信待ち"],
  "log.new": [({ n }) => (n === 1 ? "1 new line" : `${n} new lines`), ({ n }) => `新しい発言 ${n} 件`],
  "log.carried": [
    ({ by, here }) => `sent over ${inside(by)}, arrived here over ${inside(here)}`,
    ({ by, here }) => `送信は ${by}、この窓へは ${here}`,
  ],
  "whole.yes": [
    ({ n }) => `${n === 1 ? "1 line" : `${n} lines`}, none missing, none twice`,
    ({ n }) => `${n} 件、欠けも重複もなし`,
  ],
  "whole.missing": [({ n, list }) => `${n} missing: ${list}`, ({ n, list }) => `${n} 件の欠け: ${list}`],
  "whole.twice": [({ n, list }) => `${n} twice: ${list}`, ({ n, list }) => `${n} 件の重複: ${list}`],

  "compose.name": ["Your name", "あなたの名前"],
  "compose.text": ["Message", "メッセージ"],
  "compose.placeholder": ["Say something", "メッセージを書く"],
  "compose.send": ["Send", "送信"],
  "compose.hint": ["Enter sends, Shift+Enter breaks the line", "Enter で送信、Shift+Enter で改行"],
  "compose.left": [({ n }) => (n < 0 ? `${-n} too many` : `${n} left`), ({ n }) => (n < 0 ? `${-n} 文字超過` : `残り ${n} 文字`)],
  "refused.empty": ["there is nothing in it", "内容がありません"],
  "refused.too-long": ["it is longer than 2000 characters", "2000 文字を超えています"],
  "refused.other": [({ code }) => `the server answered "${code}"`, ({ code }) => `サーバーの答え: ${code}`],

  "board.label": ["This window's line", "この窓の回線"],
  "board.pick": ["Technique of this window", "この窓の方式"],
  "board.here": [({ n }) => (n === 1 ? "1 here" : `${n} here`), ({ n }) => `${n} 人`],
  "board.details": ["Costs", "費用"],
  "board.brief": [
    ({ requests, bytes, latency }) => `${requests} requests, ${bytes}, ${latency} ms`,
    ({ requests, bytes, latency }) => `${requests} 回・${bytes}・${latency} ms`,
  ],
  "auto": ["Automatic", "自動"],
  "short-polling": ["Short polling", "ショートポーリング"],
  "long-polling": ["Long polling", "ロングポーリング"],
  "sse": ["HTTP streaming (SSE)", "HTTP ストリーミング (SSE)"],
  "websocket": ["WebSocket", "WebSocket"],
  "jack.auto": ["Auto", "自動"],
  "jack.short-polling": ["Short poll", "ショート"],
  "jack.long-polling": ["Long poll", "ロング"],
  "jack.sse": ["Streaming", "SSE"],
  "jack.websocket": ["WebSocket", "WebSocket"],

  "wire.head": ["On the wire", "回線のようす"],
  "wire.window": ["this window", "この窓"],
  "wire.server": ["server", "サーバー"],
  "wire.now": ["now", "今"],
  "wire.request": ["request", "リクエスト"],
  "wire.held": ["held open", "保留中"],
  "wire.up": ["sent", "送信"],
  "wire.down": ["received", "受信"],
  "wire.picture": [
    ({ via, requests, up, down }) => `The last 12 seconds over ${inside(via)}: ${requests} requests, ${up} messages sent, ${down} received`,
    ({ via, requests, up, down }) => `直近 12 秒間 (${via}): リクエスト ${requests} 回、送信 ${up} 件、受信 ${down} 件`,
  ],

  "cost.head": ["What it costs, last minute", "直近 1 分の費用"],
  "cost.total": [({ n }) => `${n} in all`, ({ n }) => `累計 ${n}`],
  "cost.requests": ["Requests", "リクエスト"],
  "cost.messages": ["Messages", "メッセージ"],
  "cost.up": ["Bytes up", "上り"],
  "cost.down": ["Bytes down", "下り"],
  "cost.headers": ["Headers, about", "ヘッダー (概算)"],
  "cost.latency": ["Latency, p50", "遅延 p50"],
  "cost.pings": [({ n }) => (n === 1 ? "of 1 ping" : `of ${n} pings`), ({ n }) => `ping ${n} 回`],
  "cost.note": [
    "Bodies and frames as a page sees them, this page's pings included.",
    "ページから見える本文とフレームの量。計測用の ping を含みます。",
  ],

  "when.head": [({ via }) => `When ${inside(via)} is right`, ({ via }) => `${via.replace(/[\w)]$/, "$& ")}が向くとき`],
  "when.auto": [
    "It begins with long polling, which works everywhere, tries the better ways beside it, and moves over without losing a line once one has proved itself. Right nearly always: it is what the client does unless told otherwise.",
    "どこでも通るロングポーリングで始め、その横でより良い方式を試し、通ると分かったら 1 件も失わずに乗り換えます。ほとんどの場合はこれで十分で、クライアントの既定の動作です。",
  ],
  "when.short-polling": [
    "The page asks at intervals and is answered at once, mostly with nothing. No connection is held, and every proxy lets it pass. Right for hosts that cannot keep a request waiting, and for news that may be late. The price is requests, each with all its headers, news or not.",
    "ページが間をおいて尋ね、サーバーは (たいてい空でも) すぐ答えます。接続を保持せず、どんなプロキシも通ります。リクエストを待たせられない環境や、数秒遅れてもよい知らせに。代わりに、知らせがなくてもヘッダー付きのリクエストが増え続けます。",
  ],
  "when.long-polling": [
    "The page asks, and the server keeps the question open until there is an answer. News comes at once, over the plainest HTTP there is. Right as the way that works everywhere, and where messages are few: each batch costs a request, so a lively chat turns into a row of them.",
    "ページが尋ね、サーバーは答えができるまで返事を保留します。ごく普通の HTTP だけで、知らせはすぐ届きます。どこでも通る手段として、また発言が少ない場面に。知らせのたびにリクエストがひとつ要るので、にぎやかなチャットではその数が増えます。",
  ],
  "when.sse": [
    "One request, and an answer that does not end: the server writes each message into it. What the page says goes by POST. Right where news mostly flows down (feeds, dashboards, text as it is generated) and where WebSockets are blocked. Over HTTP/1.1 it holds one of a site's six connections.",
    "リクエストはひとつ、返事は終わりません。サーバーは起きたことを次々にそこへ書き、ページからの発言は POST で送ります。知らせが主に下りのとき (フィード、ダッシュボード、生成中の文章) や、WebSocket が遮断されるときに。HTTP/1.1 では、サイトごとに 6 本の接続のうち 1 本を使い続けます。",
  ],
  "when.websocket": [
    "After one handshake both sides write whenever they like: a few bytes around each message, and no request at all. Right for chats, games, and whatever talks in both directions often. It needs a path that lets it through, and some proxies and company networks do not.",
    "最初の握手のあとは、双方が好きなときに書けます。メッセージごとの上乗せは数バイトで、リクエストは要りません。チャットやゲームなど、双方向に頻繁に話すものに。ただし、通してくれる経路が必要で、プロキシや社内ネットワークによっては遮断されます。",
  ],
  "another.head": ["Open another window over", "別の窓を開く"],
};

/** Names that a newcomer may get: fish of the sockeye's family. */
const names = {
  en: ["Coho", "Chinook", "Kokanee", "Chum", "Masu", "Steelhead", "Grayling", "Char", "Taimen", "Amago", "Whitefish", "Cutthroat"],
  ja: ["ギンザケ", "ヒメマス", "サクラマス", "シロザケ", "カラフトマス", "ニジマス", "イワナ", "アマゴ", "ヤマメ", "イトウ", "オショロコマ", "ビワマス"],
};

const languages = ["en", "ja"];
let current = 0;

/** Which of the two languages is shown: `"en"` or `"ja"`. */
export const language = () => languages[current];

/** A name for someone who has not given one; none of those in `taken`. */
export function anyName(taken = []) {
  const all = names[language()];
  const free = all.filter((name) => !taken.includes(name));
  if (free.length) return free[Math.floor(Math.random() * free.length)];
  let n = 2;
  while (taken.includes(`${all[0]} ${n}`)) n += 1;
  return `${all[0]} ${n}`;
}

/** The string for `key` in the language shown; `values` fill its holes. A value `{ key }` is itself looked up. */
export function text(key, values = {}) {
  const row = table[key];
  if (!row) throw new Error(`no string is called ${key}`);
  const entry = row[current];
  if (typeof entry === "string") return entry;
  const filled = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value?.key ? text(value.key) : value]));
  return entry(filled);
}

/** Whether the table has this key: techniques that a newer server knows have no words here. */
export const knows = (key) => key in table;

const places = {
  text: (element, words) => (element.textContent = words),
  label: (element, words) => element.setAttribute("aria-label", words),
  hint: (element, words) => element.setAttribute("title", words),
  placeholder: (element, words) => element.setAttribute("placeholder", words),
};

/** Shows a string as the text of `element` (or its `label`, `hint`, `placeholder`), now and after a change of language. */
export function write(element, key, values, place = "text") {
  const packed = values ? JSON.stringify(values) : "";
  // Writing the same again would disturb screen readers and selections for nothing.
  if (element.dataset[place] === key && (element.dataset.values ?? "") === packed && element.dataset.shown === language()) return;
  element.dataset[place] = key;
  if (packed) element.dataset.values = packed;
  else delete element.dataset.values;
  refresh(element);
}

function refresh(element) {
  const values = element.dataset.values ? JSON.parse(element.dataset.values) : undefined;
  for (const [place, put] of Object.entries(places)) if (element.dataset[place]) put(element, text(element.dataset[place], values));
  element.dataset.shown = language();
}

/** Shows the whole page in a language; one that it does not have leaves it as it is. */
export function speak(wanted) {
  const index = languages.indexOf(wanted);
  if (index >= 0) current = index;
  document.documentElement.lang = language();
  for (const element of document.querySelectorAll("[data-text], [data-label], [data-hint], [data-placeholder]")) refresh(element);
}
