"""What endpoints and their columns are for, and the asides of examples, in Chinese.

The English stands where the column or the example does, and is the key here.
"""

SAID: dict[str, str] = {
    # --- endpoints --------------------------------------------------------------------------------
    "text out of text and pictures; structured output and tool calls too": (
        "由文字和图片生成文字；也支持结构化输出和工具调用"
    ),
    "pictures generated or changed through chat": "通过对话接口生成或修改图片",
    "text out of text and pictures, in Anthropic's form; tool calls too": (
        "由文字和图片生成文字，Anthropic 格式；也支持工具调用"
    ),
    "text out of text and pictures, in OpenAI's newer form; web search and drawing too": (
        "由文字和图片生成文字，OpenAI 新格式；也支持联网搜索和画图"
    ),
    "text and pictures out of text and pictures, in Gemini's own form": (
        "由文字和图片生成文字和图片，Gemini 自己的格式"
    ),
    "pictures out of words: dall-e, gpt-image and their like": (
        "由文字生成图片：dall-e、gpt-image 等"
    ),
    "pictures changed by words, with a mask or put together: gpt-image and its like": (
        "用文字修改图片，可用蒙版，也可合成多张：gpt-image 等"
    ),
    "Midjourney: a 2×2 grid of pictures from a prompt": "Midjourney：由提示词生成 2×2 四宫格图片",
    "cut the grid into its four pictures, here and at no cost": (
        "在本机把四宫格切成四张图片，不收费"
    ),
    "Midjourney: two to five pictures blended into a 2×2 grid": (
        "Midjourney：把二到五张图片融合成 2×2 四宫格"
    ),
    "Midjourney: a button of an earlier task, describe, shorten, video, edits": (
        "Midjourney：先前任务的按钮，以及 describe、shorten、video、edits"
    ),
    "films out of words and pictures: a task that is asked after": (
        "由文字和图片生成视频：提交任务后查询"
    ),
    "songs out of a description or their words: a task that is asked after": (
        "由描述或歌词生成歌曲：提交任务后查询"
    ),
    "a vector for each text, in vectors.parquet beside the results": (
        "每段文字一个向量，存放在结果旁的 vectors.parquet"
    ),
    "a query against a list of documents: a score for each, best first": (
        "用一个查询给一组文档打分，最好的在前"
    ),
    "the words of a sound or a film, with their times where asked for": (
        "音频或视频里说的话，需要时带时间"
    ),
    "a sound file of spoken words": "把文字读出来的声音文件",
    # --- columns ----------------------------------------------------------------------------------
    "the model's name as the provider writes it": "模型名称，按服务商的写法",
    "a name for the price list only; it is not sent": "只用于查价格的名称，不会发送",
    "what to say": "要说的话",
    "what to draw": "要画的内容",
    "what to change": "要修改的内容",
    "what to draw or change; the ratio is safest in these words": (
        "要画或要改的内容；图片比例写在这里最可靠"
    ),
    "what to draw; parameters such as --ar 3:2 --v 7 go in the text": (
        "要画的内容；--ar 3:2 --v 7 之类的参数直接写在文字里"
    ),
    "the text to be embedded": "要转成向量的文字",
    "instructions that stand before the prompt": "放在提示词之前的系统指令",
    "pictures to look at: paths or addresses": "要看的图片：路径或网址",
    "pictures to change: paths or addresses": "要修改的图片：路径或网址",
    "the picture, or several: paths": "一张或多张图片：路径",
    "reference pictures: paths": "参考图：路径",
    "the pictures to blend, two to five: paths": "要融合的图片，二到五张：路径",
    "a PNG as large as the (first) picture; where it is see-through is painted anew": (
        "与（第一张）图片同样大小的 PNG；透明处会重新绘制"
    ),
    'tools, a JSON list: functions, or the service\'s own such as "web_search" and '
    '"image_generation"': (
        '工具，JSON 列表：函数，或服务自带的，如 "web_search" 和 "image_generation"'
    ),
    "longest answer with its reasoning, in tokens": "回复（含思考）的最大长度，按 token 计",
    "have the service keep the answer; not kept where nothing is given": (
        "让服务商保存回复；不填则不保存"
    ),
    "what to say, or to draw": "要说的话，或要画的内容",
    "pictures to look at or to change: paths or addresses": "要看或要修改的图片：路径或网址",
    'what to answer with; ["TEXT", "IMAGE"] where a size or a ratio is given': (
        '用什么来回复；给了尺寸或比例时是 ["TEXT", "IMAGE"]'
    ),
    "of pictures: 1K, 2K or 4K": "图片尺寸：1K、2K 或 4K",
    "text or json_object": "text 或 json_object",
    'tools, a JSON list: functions, or the service\'s own such as "google_search"': (
        '工具，JSON 列表：函数，或服务自带的，如 "google_search"'
    ),
    "how many words to choose from": "从多少个词里选",
    "text, or up to five in a JSON list, at which to stop": (
        "遇到即停的文字，或最多五个的 JSON 列表"
    ),
    "tokens to think with, a level such as low or high, or a JSON object": (
        "思考用的 token 数、档位（如 low、high）或 JSON 对象"
    ),
    "the service's filters, a JSON list of {category, threshold}": (
        "服务的过滤设置，{category, threshold} 的 JSON 列表"
    ),
    "the query": "查询",
    "the documents to be ranked, a JSON list of texts": "要排序的文档，文字的 JSON 列表",
    "how many of the best; all where nothing is given": "只要最好的几个；不填则全部",
    "documents (PDF), sounds or films to read: paths or addresses": (
        "要读的文档（PDF）、音频或视频：路径或网址"
    ),
    "documents (PDF) to read: paths or addresses": "要读的文档（PDF）：路径或网址",
    "the sound or film: a path": "音频或视频：路径",
    "transcribe, or translate into English": "transcribe 转写，或 translate 译成英文",
    "words that help: names, the style, what came before": "有帮助的文字：人名、风格、前文",
    "of the sound, such as en or zh": "音频的语言，例如 en 或 zh",
    "json, text, srt, vtt, verbose_json or diarized_json": (
        "json、text、srt、vtt、verbose_json 或 diarized_json"
    ),
    'times of words or segments, with verbose_json: ["word", "segment"]': (
        '单词或句段的时间，配合 verbose_json：["word", "segment"]'
    ),
    "0 exact to 1 wild": "0 精确，1 随意",
    "the words to speak": "要读的文字",
    "how to speak; not for tts-1": "怎么读；tts-1 不支持",
    "mp3, opus, aac, flac, wav or pcm; pcm is kept as wav": (
        "mp3、opus、aac、flac、wav 或 pcm；pcm 会存成 wav"
    ),
    "0.25 slow to 4 fast": "0.25 慢到 4 快",
    "flex or batch: slower for less, where the provider sells it; online otherwise": (
        "flex 或 batch：较慢但较便宜（服务商提供时）；否则 online"
    ),
    "have the service work on it unwatched, and ask after it: for answers of many minutes": (
        "让服务商在后台处理，然后查询：用于要好几分钟的回答"
    ),
    "how closely to look at the pictures": "看图的细致程度",
    "have the answer streamed: safer for slow answers": "流式返回：回复慢时更稳妥",
    "have the answer streamed: keeps slow pictures from being cut": (
        "流式返回：慢的图片不易被中途切断"
    ),
    "have the answer streamed: keeps slow pictures from being cut, for gpt-image": (
        "流式返回：慢的图片不易被中途切断，用于 gpt-image"
    ),
    "previews in a stream, 0 to 3; they cost and are not kept": (
        "流式返回中的预览张数，0 到 3；要花钱，且不保存"
    ),
    "JSON schema that the answer must match, or {name, schema, strict}": (
        "回复必须符合的 JSON schema，或 {name, schema, strict}"
    ),
    "text, json_object, or the whole JSON object": "text、json_object，或完整的 JSON 对象",
    "url or b64_json; never sent to gpt-image, which refuses it": (
        "url 或 b64_json；gpt-image 不接受，因此不会发给它"
    ),
    "tools that the model may call, a JSON list": "模型可以调用的工具，JSON 列表",
    "none, auto, required, a tool's name, or a JSON object": (
        "none、auto、required、工具名，或 JSON 对象"
    ),
    "auto, any, none, a tool's name, or a JSON object": "auto、any、none、工具名，或 JSON 对象",
    "0 exact to 2 wild": "0 最稳定，2 最发散",
    "0 exact to 1 free; this interface takes no more": "0 最稳定，1 最自由；此接口最大为 1",
    "share of likely words to choose from": "候选词的概率范围",
    "longest answer in tokens": "回复的最大长度（token）",
    "longest answer in tokens; 4096 where nothing is given": (
        "回复的最大长度（token）；不写时为 4096"
    ),
    "longest answer with its reasoning, for newer models": (
        "包含推理过程在内的最大长度，用于较新的模型"
    ),
    "how many answers": "回复的个数",
    "how many pictures": "图片张数",
    "how many pictures; dall-e-3 takes 1": "图片张数；dall-e-3 只能为 1",
    "same seed, similar answer": "种子相同，回复相近",
    "same seed, similar picture": "种子相同，图片相近",
    "text, or up to four in a JSON list, at which to stop": (
        "遇到即停止的文字，或 JSON 列表，最多四个"
    ),
    "text, or texts in a JSON list, at which to stop": "遇到即停止的文字，或 JSON 列表",
    "-2 to 2": "-2 到 2",
    "none, minimal, low, medium, high, …": "none、minimal、low、medium、high 等",
    "low, medium or high": "low、medium 或 high",
    "such as 1024x1024 or 1:1": "例如 1024x1024 或 1:1",
    "such as 1024x1024, or auto": "例如 1024x1024，或 auto",
    "such as 16:9": "例如 16:9",
    "such as transparent": "例如 transparent",
    "as the provider calls it": "按服务商的写法",
    'some gateways want ["image", "text"]': '有的网关要求 ["image", "text"]',
    "tokens to think with, adaptive, disabled, or a JSON object": (
        "用于思考的 token 数，或 adaptive、disabled、JSON 对象"
    ),
    "standard or hd for dall-e-3; low, medium, high for gpt-image": (
        "dall-e-3 为 standard 或 hd；gpt-image 为 low、medium、high"
    ),
    "low, medium or high, for gpt-image": "low、medium 或 high，用于 gpt-image",
    "vivid or natural, for dall-e-3": "vivid 或 natural，用于 dall-e-3",
    "transparent, opaque or auto, for gpt-image": "transparent、opaque 或 auto，用于 gpt-image",
    "png, jpeg or webp, for gpt-image": "png、jpeg 或 webp，用于 gpt-image",
    "0 to 100, of a jpeg or webp, for gpt-image": "jpeg 或 webp 的压缩率，0 到 100，用于 gpt-image",
    "auto or low, for gpt-image": "auto 或 low，用于 gpt-image",
    "your own name for whoever asks": "你给请求者起的名称",
    "a name for your end user, passed on": "你的最终用户的名称，会转交服务商",
    "low or high: how closely to keep to the picture, for gpt-image-1 and 1.5": (
        "low 或 high：与原图的贴近程度，用于 gpt-image-1 和 1.5"
    ),
    "the form field of a picture; auto: image for one, image[] for several; other: reversed": (
        "图片的表单字段名；auto：一张用 image，多张用 image[]；other：反过来"
    ),
    "which bot draws; the gateway takes MID_JOURNEY": "由哪个机器人绘制；网关默认 MID_JOURNEY",
    "speed, as the gateway calls it: RELAX, FAST, TURBO": "速度，按网关的写法：RELAX、FAST、TURBO",
    "2:3, 1:1 or 3:2; the gateway takes SQUARE": "2:3、1:1 或 3:2；网关默认 SQUARE",
    "length of the vector, where the model can shorten it": "向量长度，适用于可以缩短的模型",
    "how vectors travel; base64 is a quarter of the bytes, and is asked for by itself; "
    "none: the request does not say": (
        "向量的传输方式；base64 只占四分之一的字节，会自动采用；none：请求中不指定"
    ),
    "most rows that may share one request; 2048 where nothing is given": (
        "一次请求最多合并多少行；不写时为 2048"
    ),
    "a JSON object laid over the request body: any option of the provider": (
        "覆盖到请求体上的 JSON 对象：服务商的任何选项"
    ),
    "U1 to U4, V1 to V4, reroll, another button by its label, or describe, shorten, video, edits": (
        "U1 到 U4、V1 到 V4、reroll、其他按钮的名称，或 describe、shorten、video、edits"
    ),
    "whose button it is: a task id, or key:VALUE of a row of this sheet": (
        "哪个任务的按钮：任务号，或本表格某行的 key:值"
    ),
    "the button's own id; without it the parent's buttons are looked through": (
        "按钮自己的编号；不写则在该任务的按钮中查找"
    ),
    "the words, for shorten, video and edits": "文字，用于 shorten、video、edits",
    "the picture, for describe, video and edits: a path": (
        "图片，用于 describe、video、edits：路径"
    ),
    "how much moves, for video": "画面动多少，用于 video",
    "async-images has the picture made as a task, where the gateway offers that": (
        "async-images：作为任务生成图片，用于提供这种方式的网关"
    ),
    "what happens in the film": "视频里发生什么",
    "the first picture; several are references: paths or addresses": (
        "首帧图片；多张则为参考图：路径或网址"
    ),
    "the last picture, for models that take one: a path or an address": (
        "尾帧图片，用于支持的模型：路径或网址"
    ),
    "how long the film is": "视频时长（秒）",
    "such as 1280x720, for models that take one": "例如 1280x720，用于支持的模型",
    "480p, 720p or 1080p, for models that take one": "480p、720p 或 1080p，用于支持的模型",
    "16:9, 9:16, 1:1 and others": "16:9、9:16、1:1 等",
    "what must not be in the film": "视频中不应出现的内容",
    "repeats a film, for models that take one": "用于重现同一视频，适用于支持的模型",
    "std or pro, for Kling": "std 或 pro，用于可灵",
    "make sound too, for models that can": "同时生成声音，用于支持的模型",
    "let the provider mark the film": "让服务商加水印",
    "the vendor's way of asking, such as newapi or kling; else the provider's own": (
        "按哪家的写法提交，如 newapi 或 kling；不写则用服务商自己的"
    ),
    "what the song is about": "歌曲的内容",
    "the words to sing; then the style is in tags, and prompt is not sent": (
        "要唱的歌词；此时风格写在 tags，prompt 不发送"
    ),
    "the style of a song with lyrics": "有歌词的歌曲的风格",
    "the title of a song with lyrics": "有歌词的歌曲的标题",
    "no voice": "不要人声",
    "suno for songs, suno-lyrics for words only": "suno 生成歌曲，suno-lyrics 只写歌词",
    # --- asides of examples -----------------------------------------------------------------------
    "(goes on where it stopped)": "（从停下的地方继续）",
    "(kills itself five times on the way)": "（途中自行中断五次）",
    "(after correcting it)": "（改好之后）",
}
