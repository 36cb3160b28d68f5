"""What the system says of an error, in Chinese, by its symbol in `errno`."""

from runner.catalogue.en.system import NUMBERS

_WORDS: dict[str, str] = {
    "EACCES": "没有权限",
    "EPERM": "不允许这样操作",
    "ENOENT": "没有这个文件或文件夹",
    "EEXIST": "文件已存在",
    "ENOTDIR": "不是文件夹",
    "EISDIR": "是文件夹，不是文件",
    "ENOTEMPTY": "文件夹不是空的",
    "ENOSPC": "磁盘空间不足",
    "EDQUOT": "超出了磁盘配额",
    "EROFS": "文件系统是只读的",
    "EIO": "磁盘读写出错",
    "EFBIG": "文件太大",
    "EMFILE": "打开的文件太多",
    "ENFILE": "系统打开的文件太多",
    "ENOMEM": "内存不足",
    "EBUSY": "设备或文件正被使用",
    "ETXTBSY": "程序文件正被使用",
    "ENAMETOOLONG": "文件名太长",
    "ELOOP": "符号链接的层数太多",
    "EXDEV": "不在同一个磁盘上",
    "ENOLCK": "这里不能加锁",
    "EINVAL": "系统不接受这个值",
    "ENODEV": "没有这个设备",
    "ENXIO": "没有这个设备或地址",
    "ESTALE": "网络磁盘上的文件已失效",
    "ENOTSUP": "系统不支持这样操作",
    "EOPNOTSUPP": "系统不支持这样操作",
    "EADDRINUSE": "地址已被占用",
    "EADDRNOTAVAIL": "本机没有这个地址",
    "ECONNREFUSED": "连接被拒绝",
    "ECONNRESET": "连接被对方中断",
    "ENETUNREACH": "网络不通",
    "EHOSTUNREACH": "找不到通往主机的路径",
    "ETIMEDOUT": "连接超时",
    "EPIPE": "管道的另一端已关闭",
    "ENOEXEC": "不是可以执行的文件",
    "EAGAIN": "暂时不可用",
    "ENOSYS": "系统没有这个功能",
}

SQLITE: dict[str, str] = {
    "database disk image is malformed": "数据库文件的内容已损坏",
    "file is not a database": "这个文件不是数据库",
    "database is locked": "数据库正被其他程序占用",
    "database or disk is full": "磁盘空间不足",
    "disk I/O error": "磁盘读写出错",
    "attempt to write a readonly database": "数据库是只读的",
    "unable to open database file": "打不开数据库文件",
}
"""What SQLite says of a file."""

SYSTEM: dict[str, str] = {f"system.{name}": _WORDS[name] for name in NUMBERS}
