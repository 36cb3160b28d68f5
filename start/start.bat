@echo off
rem Opens rowmill's desk; sets it up first, once. uv beside this file finds Python or fetches it:
rem write the address of a mirror into mirror.txt, or into ROWMILL_PYTHON_MIRROR, where it is slow.
setlocal
cd /d "%~dp0"
chcp 65001 >nul
set /p PYTHON_WANTED=<python.txt
if not defined ROWMILL_PYTHON_MIRROR if exist mirror.txt set /p ROWMILL_PYTHON_MIRROR=<mirror.txt
if defined ROWMILL_PYTHON_MIRROR set "UV_PYTHON_INSTALL_MIRROR=%ROWMILL_PYTHON_MIRROR%"
set "UV_PYTHON_INSTALL_DIR=%~dp0python"
set "UV_CACHE_DIR=%~dp0cache"
set "UV_NO_CONFIG=1"
uv.exe python find --quiet %PYTHON_WANTED% >nul 2>nul
if not errorlevel 1 goto run
echo Fetching Python %PYTHON_WANTED%, once ...
uv.exe python install --quiet %PYTHON_WANTED%
if not errorlevel 1 goto run
echo Python could not be fetched. Write the address of a mirror into mirror.txt, and start again.
pause
exit /b 1
:run
uv.exe run --quiet --no-project --python %PYTHON_WANTED% set_up.py %*
if errorlevel 1 pause
