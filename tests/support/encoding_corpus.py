"""Sheets in 17 languages and all their common encodings, built on demand."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language: its header, some prompts, and its common encodings."""

    header: str
    prompts: tuple[str, ...]
    encodings: tuple[str, ...]


TONGUES = {
    "zh-Hans": Tongue(
        header="提示词,风格",
        prompts=(
            "一只小猫坐在窗边看雨,水彩",
            "高端护肤品主图，白色背景，柔和的光线,摄影",
            "雪山脚下的木屋，傍晚的天空,油画",
            "穿红色裙子的女孩在花园里奔跑,插画",
            "复古风格的咖啡馆海报，暖色调,平面设计",
        ),
        encodings=("gb18030", "gbk"),
    ),
    "zh-Hant": Tongue(
        header="提示詞,風格",
        prompts=(
            "一隻小貓坐在窗邊看雨,水彩",
            "高級保養品主圖，白色背景，柔和的光線,攝影",
            "雪山腳下的木屋，傍晚的天空,油畫",
            "穿紅色裙子的女孩在花園裡奔跑,插畫",
            "復古風格的咖啡館海報，暖色調,平面設計",
        ),
        encodings=("big5", "gb18030"),
    ),
    "ja": Tongue(
        header="プロンプト,スタイル",
        prompts=(
            "窓辺に座って雨を見る子猫,水彩画",
            "白い背景の高級化粧品、柔らかい光,写真",
            "雪山のふもとの木の小屋、夕方の空,油絵",
            "赤いワンピースの少女が庭を走っている,イラスト",
            "レトロなカフェのポスター、暖かい色,デザイン",
        ),
        encodings=("cp932", "euc_jp"),
    ),
    "ko": Tongue(
        header="프롬프트,스타일",
        prompts=(
            "창가에 앉아 비를 보는 고양이,수채화",
            "하얀 배경의 고급 화장품과 부드러운 빛,사진",
            "눈 덮인 산 아래의 나무 오두막,유화",
            "빨간 드레스를 입은 소녀가 정원을 달린다,일러스트",
            "따뜻한 색의 복고풍 카페 포스터,디자인",
        ),
        encodings=("cp949", "euc_kr"),
    ),
    "de": Tongue(
        header="prompt,Größe",
        prompts=(
            "ein Mädchen mit Äpfeln unter großen Bäumen,schön",
            "Straßencafé in München bei Regen,natürlich",
            "eine Tür aus Eichenholz mit Messinggriff,für außen",
            "süße Kätzchen auf der Fensterbank,größer",
            "Wälder im Nebel über dem Fluß,düster",
        ),
        encodings=("cp1252",),
    ),
    "fr": Tongue(
        header="prompt,catégorie",
        prompts=(
            "un café près de la fenêtre en été,été",
            "une forêt enneigée où dort un renard,hiver",
            "le garçon à la fenêtre regarde la mer,scène",
            "crème brûlée sur une table en chêne,pâtisserie",
            "un château éclairé par la lune,déjà vu",
        ),
        encodings=("cp1252",),
    ),
    "es": Tongue(
        header="prompt,categoría",
        prompts=(
            "un niño en la montaña con su perro pequeño,España",
            "una mañana de otoño en el jardín,estación",
            "la señora toca el piano en el salón,música",
            "un camión rojo bajo el árbol,más luz",
            "pingüino leyendo un libro en el café,según",
        ),
        encodings=("cp1252",),
    ),
    "pt": Tongue(
        header="prompt,descrição",
        prompts=(
            "uma criança à beira-mar com balões,verão",
            "o avô lê histórias na varanda,família",
            "pão quente sobre a mesa da cozinha,manhã",
            "um coração feito de maçãs,não",
            "estação de trem antiga com relógio,são paulo",
        ),
        encodings=("cp1252",),
    ),
    "pl": Tongue(
        header="prompt,wielkość",
        prompts=(
            "łódź na jeziorze o świcie,żółty",
            "dziewczyna w czerwonej sukience wśród kwiatów,piękny",
            "zamek w górach pod gwiaździstym niebem,średni",
            "kot śpiący na książkach,mały",
            "stara uliczka w Łodzi po deszczu,źródło",
        ),
        encodings=("cp1250",),
    ),
    "cs": Tongue(
        header="prompt,velikost",
        prompts=(
            "žlutý kůň na zelené louce,příliš žluťoučký",
            "dívka čte knihu u řeky,šedý",
            "starý most nad řekou za svítání,večer",
            "kočka spí na okně,měkký",
            "dřevěná chata pod horami,úsvit",
        ),
        encodings=("cp1250",),
    ),
    "ru": Tongue(
        header="подсказка,стиль",
        prompts=(
            "котёнок сидит у окна и смотрит на дождь,акварель",
            "деревянный дом у подножия снежной горы,масло",
            "девочка в красном платье бежит по саду,иллюстрация",
            "старинная кофейня в тёплых тонах,плакат",
            "корабль в бурном море на закате,живопись",
        ),
        encodings=("cp1251", "koi8-r"),
    ),
    "uk": Tongue(
        header="підказка,стиль",
        prompts=(
            "кошеня сидить біля вікна і дивиться на дощ,акварель",
            "дерев'яна хата під сніговою горою,олія",
            "дівчинка у червоній сукні біжить садом,ілюстрація",
            "старовинна кав'ярня у теплих кольорах,плакат",
            "їжак у тумані біля річки,живопис",
        ),
        encodings=("cp1251",),
    ),
    "el": Tongue(
        header="περιγραφή,στυλ",
        prompts=(
            "ένα γατάκι κάθεται στο παράθυρο και κοιτάζει τη βροχή,ακουαρέλα",
            "ξύλινο σπίτι κάτω από το χιονισμένο βουνό,λάδι",
            "κορίτσι με κόκκινο φόρεμα τρέχει στον κήπο,εικόνα",
            "παλιό καφενείο σε ζεστά χρώματα,αφίσα",
            "καράβι στη φουρτουνιασμένη θάλασσα,ζωγραφική",
        ),
        encodings=("cp1253",),
    ),
    "tr": Tongue(
        header="prompt,büyüklük",
        prompts=(
            "pencerede oturan küçük kedi yağmuru izliyor,sulu boya",
            "karlı dağın eteğinde ahşap ev,yağlı boya",
            "kırmızı elbiseli kız bahçede koşuyor,çizim",
            "sıcak renklerde eski bir kahve dükkânı,afiş",
            "ışıklı şehir üzerinde uçan balon,gün batımı",
        ),
        encodings=("cp1254",),
    ),
    "he": Tongue(
        header="תיאור,סגנון",
        prompts=(
            "חתלתול יושב ליד החלון ומביט בגשם,צבעי מים",
            "בית עץ למרגלות הר מושלג,שמן",
            "ילדה בשמלה אדומה רצה בגן,איור",
            "בית קפה ישן בצבעים חמים,כרזה",
            "ספינה בים סוער בשקיעה,ציור",
        ),
        encodings=("cp1255",),
    ),
    "ar": Tongue(
        header="الوصف,النمط",
        prompts=(
            "قطة صغيرة تجلس قرب النافذة وتنظر إلى المطر,ألوان مائية",
            "بيت خشبي عند سفح جبل مغطى بالثلج,زيت",
            "فتاة بفستان أحمر تركض في الحديقة,رسم",
            "مقهى قديم بألوان دافئة,ملصق",
            "سفينة في بحر هائج عند الغروب,لوحة",
        ),
        encodings=("cp1256",),
    ),
    "th": Tongue(
        header="คำสั่ง,สไตล์",
        prompts=(
            "ลูกแมวนั่งริมหน้าต่างมองดูฝน,สีน้ำ",
            "บ้านไม้ที่เชิงเขาหิมะ,สีน้ำมัน",
            "เด็กหญิงในชุดสีแดงวิ่งในสวน,ภาพประกอบ",
            "ร้านกาแฟเก่าในโทนสีอบอุ่น,โปสเตอร์",
            "เรือในทะเลยามพระอาทิตย์ตก,ภาพวาด",
        ),
        encodings=("cp874",),
    ),
}

HEIGHTS = (1, 5, 50, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sheet of the corpus: its bytes and its text."""

    name: str
    text: str
    raw: bytes


def samples() -> Iterator[Sample]:
    """Every language with an English and a local header, in every encoding and four lengths."""
    for tongue, one in TONGUES.items():
        for header in ("prompt,style", one.header):
            for rows in HEIGHTS:
                text = "\r\n".join([header, *islice(cycle(one.prompts), rows), ""])
                for encoding in (*UNICODE, *one.encodings):
                    name = f"{tongue} {encoding} {rows} {header}"
                    yield Sample(name=name, text=text, raw=text.encode(encoding))
