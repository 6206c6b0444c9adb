// Read the compressed data inside the page, or in files beside it.

const shards = new Map(); // by number: what waits for the file, or its content

export async function decompress(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

export function overview() {
  return decompress(document.getElementById("data").textContent.trim());
}

// Return a function that reads the texts of one item. The last chunks stay in memory.
export function textReader(size, folder) {
  const chunks = new Map();
  return async (item) => {
    const place = Math.floor(item / size);
    if (!chunks.has(place)) {
      if (chunks.size > 20) chunks.delete(chunks.keys().next().value);
      chunks.set(place, chunk(place, folder).then(decompress));
    }
    return (await chunks.get(place))[item % size];
  };
}

// Return a function that finds the items whose texts hold `wanted`, one chunk after another. It calls `tell` with the items
// of a chunk and the share that is done, and stops where `tell` says no. Nothing of the texts stays in memory.
export function textSearcher(size, items, folder) {
  const chunks = Math.ceil(items / size);
  return async (wanted, tell) => {
    for (let place = 0; place < chunks; place += 1) {
      const found = [];
      for (const [offset, texts] of (await decompress(await chunk(place, folder))).entries()) {
        if (textsOf(texts).some((text) => text.toLowerCase().includes(wanted))) found.push(place * size + offset);
      }
      if (!tell(found, (place + 1) / chunks)) return;
    }
  };
}

function textsOf(texts) {
  return [
    ...texts.prompt.map((message) => message.text), ...texts.references, ...texts.choices,
    ...texts.answers.flatMap((answer) => [answer.text, answer.filtered ?? "", answer.comparison ?? ""]),
    ...texts.pools.flat().map((candidate) => candidate.text ?? ""),
  ];
}

async function chunk(place, folder) {
  const inside = document.getElementById(`texts-${place}`);
  return inside ? inside.textContent.trim() : await shard(place, folder);
}

// A page from disk may not fetch files, but may load scripts. A shard calls `fusionEvalTexts(number, content)`.
globalThis.fusionEvalTexts = (place, content) => shards.get(place)?.(content);

function shard(place, folder) {
  return new Promise((resolve, reject) => {
    shards.set(place, resolve);
    const script = document.createElement("script");
    script.src = `${folder}/texts-${place}.js`;
    script.onload = () => script.remove();
    script.onerror = () => reject(new Error(`The file ${folder}/texts-${place}.js is not beside this page.`));
    document.head.append(script);
  });
}
