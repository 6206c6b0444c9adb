"""Recognize the words before a final answer, such as "Therefore, the final answer is:", in all languages alike."""

from __future__ import annotations

import functools
import re

MARKERS = {
    "en": "Answer:",
    "fr": "Réponse :",
    "de": "Antwort:",
    "es": "Respuesta:",
    "ru": "Ответ:",
    "it": "Risposta:",
    "pt": "Resposta:",
    "ja": "答え：",
    "ko": "정답:",
    "zh": "答案：",
    "ar": "الإجابة:",
    "hi": "उत्तर:",
    "sw": "Jibu:",
    "th": "คำตอบ:",
}
"""The beginning of the answer's line that prompts ask for, by language (ISO code)."""

LEAD_INS = {
    "so": {
        "en": "here is|here['’]s|this is|so|thus|therefore|hence|consequently|accordingly|then|finally|in conclusion|in summary|to conclude|to sum up|overall|as a result"
              "|and so|and|this means|we conclude that|it follows that|that is why|so finally",
        "fr": "voici|voilà|donc|ainsi|alors|par conséquent|en conséquence|par suite|d['’]où|enfin|finalement|en conclusion|en résumé|pour conclure|c['’]est pourquoi|et"
              "|de ce fait|au final|on en conclut que|on en déduit que|il s['’]ensuit que",
        "de": "hier ist|das ist|also|daher|somit|folglich|deshalb|demnach|damit|dementsprechend|infolgedessen|schließlich|letztendlich|zusammenfassend|insgesamt|deswegen"
              "|und|folgt|so|abschließend|demzufolge|mithin|dann|zum schluss",
        "es": "aquí está|he aquí|esta es|por lo tanto|por tanto|por consiguiente|en consecuencia|así que|así pues|así|entonces|luego|finalmente|en conclusión|en resumen|por ende|pues|y"
              "|de modo que|de este modo|por eso|para concluir|concluimos que",
        "ru": "вот|итак|следовательно|таким образом|поэтому|значит|значит,? что|тогда|отсюда|в итоге|в результате|наконец|в заключение|стало быть|и|так что|то есть"
              "|получаем|получается|потому|в конечном итоге",
        "it": "ecco|questa è|quindi|dunque|pertanto|perciò|di conseguenza|allora|infine|in conclusione|in sintesi|così|per cui|ne segue che|e|riassumendo|ecco perché|per concludere"
              "|in definitiva",
        "pt": "aqui está|eis|esta é|portanto|logo|assim|por isso|por conseguinte|consequentemente|então|desse modo|dessa forma|deste modo|desta forma|finalmente|em conclusão|concluindo|em resumo"
              "|e|enfim|por fim|assim sendo|daí|concluímos que",
        "ja": "こちらが|これが|以下が|したがって|従って|よって|ゆえに|故に|それゆえ|そのため|だから|ですから|以上より|以上から|以上により|これより|これにより|結論として|つまり|すなわち|そこで|最終的に|このため"
              "|それで|では|最後に|以上のことから|結果として|結局|まとめると",
        "ko": "다음은|이것이|다음이|따라서|그러므로|그래서|그러니까|즉|결국|결론적으로|결과적으로|이에 따라|그렇기 때문에|마지막으로|최종적으로|고로|그럼|이로써|그리하여|요약하면|종합하면|그렇다면|이상으로",
        "zh": "以下是|下面是|这就是|这是|所以|因此|因而|故|于是|於是|从而|從而|综上所述|綜上所述|综上|綜上|总之|總之|由此可得|由此可见|由此可知|因此可得|可得|最后|最後|最终|最終|那么|那麼|则|則|即|这样|這樣|总结|因此可知"
              "|由上可知|由此|结论是|綜合以上",
        "ar": "إليك|إليكم|هذه هي|فيما يلي|إذن|إذا|إذًا|اذن|لذلك|لذا|وبالتالي|بالتالي|ومن ثم|من ثم|وعليه|عليه|وهكذا|هكذا|ولذلك|ولهذا|لهذا|ختاما|في الختام|في النهاية|أخيرا|أخيرًا|نتيجة لذلك|بناء على ذلك|بناءً على ذلك|ف"
              "|ومنه|باختصار|إذاً|وأخيرًا|خلاصة القول",
        "hi": "यहाँ|यहां|यह रहा|ये रहा|यह|इसलिए|इसलिये|अतः|अत:|तो|इस प्रकार|इस तरह|अतएव|परिणामस्वरूप|अंततः|अंत में|निष्कर्षतः|इस कारण|फलस्वरूप|तब|और|आखिरकार|सारांश में|निष्कर्ष में|लिहाज़ा|लिहाजा|यानी",
        "sw": "hapa kuna|hili ndilo|hili ni|hapa ni|kwa hiyo|kwa hivyo|hivyo|hivyo basi|basi|kwa sababu hiyo|kwa hiyo basi|kwa hivyo basi|hatimaye|mwishowe|kwa kumalizia|kwa ufupi|na|ndiyo maana|matokeo yake|kwa muhtasari|mwisho|kwa maana hiyo",
        "th": "นี่คือ|ต่อไปนี้คือ|ดังนั้น|ดังนั้นแล้ว|เพราะฉะนั้น|ฉะนั้น|จึง|โดยสรุป|สรุป|สรุปแล้ว|สรุปได้ว่า|ในที่สุด|ผลที่ได้คือ|ด้วยเหตุนี้|เพราะเหตุนี้|สุดท้าย|และ|ด้วยเหตุนั้น|สรุปคือ|ดังนี้",
    },
    "the": {
        "en": "the|my|our|your|this|its", "fr": "la|le|ma|notre|votre|cette|sa", "de": "die|das|der|meine|unsere|deine|ihre", "es": "la|el|mi|nuestra|su|tu",
        "ru": "мой|наш|ваш|этот|наш с вами", "it": "la|il|mia|la mia|nostra|la nostra", "pt": "a|o|minha|a minha|nossa|a nossa", "ja": "この問題の|その|この|問題の|求める",
        "ko": "이 문제의|문제의|그|우리의|구하는", "zh": "本题的?|此题的?|该题的?|这道题的?|这个问题的|该问题的|问题的|題目的|题目的|其|我的", "ar": "هذه|تكون|فإن|إن|ف?إن", "hi": "इसका|हमारा|इस प्रश्न का|प्रश्न का|सवाल का|मेरा|आपका",
        "sw": "hili|hilo", "th": "ของ|ข้อนี้",
    },
    "final": {
        "en": "final|correct|right|exact|numerical|simplified|required|complete|overall|short|full|ultimate",
        "fr": "bonne|finale|final|exacte|correcte|juste|véritable|dernière",
        "de": "endgültigen?|finalen?|richtigen?|korrekten?|exakten?|genauen?|gesuchten?|letzten?|abschließenden?|vollständigen?|endgültiges|richtiges|finales",
        "es": "correcta|final|exacta", "ru": "окончательный|итоговый|правильный|верный|конечный|точный|искомый|полный|финальный",
        "it": "corretta|finale|giusta|esatta", "pt": "correta|final|certa|exata",
        "ja": "最終的な|最終の|最終|最後の|正しい|正確な|求める|この問題の|問題の", "ko": "최종적인|최종|정확한|올바른|마지막|옳은|맞는",
        "zh": "最终的?|最終的?|最后的?|最後的?|正确的?|正確的?|准确的?|確切的?|标准|參考|参考|完整的?|本题的?", "ar": "النهائية|الصحيحة",
        "hi": "अंतिम|अन्तिम|सही|सटीक|आखिरी|आख़िरी|उचित|पूर्ण", "sw": "sahihi", "th": "ที่ถูกต้อง|สุดท้าย",
    },
    "answer": {
        "en": "answers?", "fr": "r[ée]ponses?", "de": "antwort(?:en)?|schlussantwort|endantwort", "es": "respuestas?", "ru": "ответы?", "it": "rispost[ae]", "pt": "respostas?",
        "ja": "答え|答|解答|回答|正解", "ko": "정답|답변|답안|해답|답", "zh": "答案|回答|解答|答复|答", "ar": "(?:ال)?[إا]جابة|(?:ال)?جواب", "hi": "उत्तर|जवाब", "sw": "majibu|jibu",
        "th": "คำตอบ|เฉลย",
    },
    "result": {
        "en": "solutions?|results?", "fr": "solutions?|résultats?", "de": "lösung(?:en)?|endergebnis|ergebnis|resultat", "es": "soluci[óo]n(?:es)?|resultados?", "ru": "решение|результат",
        "it": "soluzion[ei]|risultat[oi]", "pt": "solução|soluções|resultados?", "ja": "結果|解", "ko": "결과|해", "zh": "结果|結果|解", "ar": "(?:ال)?حل|(?:ال)?نتيجة",
        "hi": "हल|परिणाम|समाधान", "sw": "suluhisho|matokeo|tokeo", "th": "ผลลัพธ์|ผล",
    },
    "final after": {
        "en": "to (?:the|this) (?:question|problem)|of (?:the|this) (?:question|problem)",
        "fr": "finales?|correctes?|exactes?|justes?|définitives?|(?:à|de) (?:la question|cette question|ce problème)|au problème|du problème|recherchée",
        "de": "auf die frage|der aufgabe|zu dieser aufgabe|des problems",
        "es": "final(?:es)?|correctas?|exactas?|definitivas?|(?:a|de) la pregunta|al problema|del problema|buscada",
        "ru": "на вопрос|на задачу|задачи|к задаче", "it": "final[ei]|corrett[ae]|esatt[ae]|giust[ae]|definitiv[ae]|alla domanda|al problema|del problema|cercata",
        "pt": "fina(?:l|is)|corretas?|exatas?|certas?|definitivas?|à pergunta|da pergunta|ao problema|do problema|da questão|procurada",
        "ja": "の値|としては", "ko": "의 값|으로는", "zh": "的值|（最终）",
        "ar": "النهائي[ةه]?|الصحيح[ةه]?|الدقيق[ةه]?|(?:على|عن) السؤال|للمسألة|للسؤال|المطلوب[ةه]?|الأخير[ةه]?|للمشكلة", "hi": "का मान|के लिए",
        "sw": "la mwisho|ya mwisho|sahihi|la swali|la swali hili|lililo sahihi|kamili|ya swali", "th": "สุดท้าย|ที่ถูกต้อง|ของโจทย์|ของข้อนี้|ที่ได้|ของคำถามนี้|ของโจทย์นี้|ที่ต้องการ",
    },
    "is": {
        "en": "is|are|was|would be|must be|should be|becomes|equals|is given by|comes out to be|turns out to be|will be|is equal to|is simply", "fr": "est|sont|vaut|serait|sera|doit être|est égale? à|devient|est de|est donc de",
        "de": "ist|sind|lautet|lauten|beträgt|wäre|ergibt sich zu|heißt|ist gleich", "es": "es|son|sería|será|debe ser|es igual a|resulta|es la siguiente|vale|es de",
        "ru": "—|–|это|есть|будет|равен|равно|таков|такой|составляет|следующий|получается|является", "it": "è|e['’]|sono|sarà|sarebbe|deve essere|è uguale a|vale|risulta|è di|è pari a",
        "pt": "é|são|será|seria|deve ser|é igual a|vale|é a seguinte|é de", "ja": "は|が|とは|は次の通り|は次のとおり|は以下の通り|は以下のとおり|は次のようになります|は以下のようになります|となる|となります|です|は次の通りです|は次のとおりです",
        "ko": "은|는|이|가|은 다음과 같습니다|은 다음과 같다|는 다음과 같습니다|입니다|이다|으로는", "zh": "就是|应该是|應該是|应是|应为|應為|等于|等於|是|为|為|如下|即为|即是|即",
        "ar": "هي|هو|تكون|يكون|ستكون|سيكون|تساوي|يساوي|كالتالي|هي كالتالي|كما يلي", "hi": "है|हैं|होगा|होगी|यह है|निम्न है|बराबर है|हुआ|निम्नलिखित है",
        "sw": "ni|litakuwa|itakuwa|lingekuwa|ndio|ndilo|ni hili|ni kama ifuatavyo|ni sawa na", "th": "คือ|เป็น|เท่ากับ|ก็คือ|จะเป็น|มีค่าเท่ากับ|คือดังนี้|เป็นดังนี้",
    },
    "is at the end": {
        **dict.fromkeys(("en", "fr", "de", "es", "ru", "it", "pt", "zh", "ar", "sw", "th"), "(?!)"),
        "ja": "です|である|だ|になります|となります|となる|でした", "ko": "입니다|이다|이에요|예요|이 됩니다|가 됩니다|이 된다|가 된다", "hi": "है|हैं|होगा|होगी|होता है",
    },
}  # fmt: skip
"""Words of lead-ins: a row for each part, and in it the alternatives of each language (ISO code) as a pattern.

`(?!)` stands where a language has no such words.
"""

_GAP = r"[ \t\u00a0\u202f*_]{0,4}(?:[,，、،؛:][ \t\u00a0\u202f*_]{0,4})?"
_SPACELESS = ("ja", "ko", "zh", "th", "ar")
"""Languages in which two parts of a lead-in may stand without a space between them."""


@functools.cache
def lead_in_pattern(language: str, noun: str) -> str:
    """Return a pattern of the lead-ins of a language, and of the English ones, without the colon after them.

    Args:
        language: ISO code of the language.
        noun: The row of `LEAD_INS` with the word that must be there: `answer` or `result`.
    """
    return "|".join(_pattern(code, noun) for code in dict.fromkeys((language, "en")))


@functools.cache
def statement_pattern(language: str, *, with_so: bool) -> str:
    """Return a pattern of `the answer is`, where no colon follows, in the language and in English.

    Args:
        language: ISO code of the language.
        with_so: Whether it has to begin with a word such as `so`.
    """
    return "|".join(_statement(code, with_so) for code in dict.fromkeys((language, "en")))


def without_so(text: str, language: str) -> str:
    """Return an equation such as `Therefore, x = 5` without the words before it, in the language or in English.

    "Is" may follow, for the German `Also ist x = 5`.
    """
    return _so_before_equation(language).sub("", text, count=1)


@functools.cache
def _so_before_equation(language: str) -> re.Pattern[str]:
    # Words of one letter, such as the Italian e, may be variables.
    words = [
        rf"{word}{_GAP}{_word_end(code)}(?:{_words('is', code)}{_GAP}{_word_end(code)})?"
        for code in dict.fromkeys((language, "en"))
        for word in LEAD_INS["so"][code].split("|")
        if len(word) > 1 or code in _SPACELESS
    ]
    return re.compile(rf"^\s*(?:{'|'.join(words)})(?=\$?[A-Za-z](?:_?\{{?\w\}}?)?\s*=)", re.IGNORECASE)


def _pattern(language: str, noun: str) -> str:
    """Return a pattern of the noun and of the optional parts before and after it, in the same order for all languages.

    "Is" stands before the noun too, for the German `Daher lautet die Antwort`.
    """
    before = _before(language, "so", "so", "is", "so", "the", "final", "final")
    after = _after(language, "final after", "final after", "so", "is", "so", "is")
    return f"(?:{before}{_words(noun, language)}{after})"


def _statement(language: str, with_so: bool) -> str:
    so = f"{_words('so', language)}{_GAP}{_word_end(language)}" if with_so else ""
    verb, noun = f"(?:{_words('is', language)}|[=→⇒➡])", _words("answer", language)
    verb_second = (
        f"{_before(language, 'so', 'so', 'the', 'final', 'final')}{noun}"
        f"{_after(language, 'final after', 'final after', 'so')}{_GAP}{verb}{_after(language, 'so')}"
    )
    verb_first = (
        f"{_before(language, 'so')}{_words('is', language)}{_GAP}{_word_end(language)}"
        f"{_before(language, 'so', 'the', 'final', 'final')}{noun}{_after(language, 'final after')}"
    )
    end = "" if language in _SPACELESS else r"(?![^\W\d])"
    return f"(?:{so}(?:{verb_second}|{verb_first}){end})"


def _before(language: str, *rows: str) -> str:
    return "".join(f"(?:{_words(row, language)}{_GAP}{_word_end(language)})?" for row in rows)


def _after(language: str, *rows: str) -> str:
    return "".join(f"(?:{_GAP}{_words(row, language)})?" for row in rows)


def _word_end(language: str) -> str:
    return "" if language in _SPACELESS else r"(?<![^\W\d])"


def _words(row: str, language: str) -> str:
    return f"(?:{LEAD_INS[row][language]})"
