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
    script.onerror = () => reject(new Error(`The file ${folder}/texts-${place}.js is not beside this page.`));
    document.head.append(script);
  });
}
