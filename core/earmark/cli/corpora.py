"""``earmark data``: list, fetch, synthesize and check corpora."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.options import Engine, Scheduler, Stores, chosen_engine, option_value

if TYPE_CHECKING:
    from earmark.fetching.downloads import Download, RemoteFile

Name = Annotated[str, typer.Argument(help="Name of a corpus, see `earmark data list`.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    data = typer.Typer(
        help="Corpora: what there is, fetching, synthetic stand-ins, and checks of your copy.", no_args_is_help=True
    )
    data.command("list")(list_corpora)
    data.command("fetch")(fetch)
    data.command("synthesize")(synthesize)
    data.command("check")(check)
    app.add_typer(data, name="data")


def list_corpora(stores: Stores = None) -> None:
    """List the corpora that can be read, what can be fetched, and the stand-ins that lie in the store."""
    from textwrap import shorten

    from earmark.fetching.downloads import bytes_text
    from earmark.places import stores_root
    from earmark.plugins import plugins

    manager = plugins()
    synthetic = manager.names("synthesizer")
    for name in manager.names("corpus"):
        given = manager.find("corpus", name, "earmark data list")
        first_line = (given.factory.__doc__ or "").strip().splitlines()[0]
        print(f"{name:20} {first_line}{' [can be synthesised]' if name in synthetic else ''}")
    for folder in sorted((stores_root(stores) / "corpora").glob("*-synthetic-*")):
        if folder.is_dir():
            state = "" if folder.with_suffix(".whole").exists() else " (not finished)"
            print(f"  synthetic  {folder}{state}")
    if names := manager.names("download"):
        print("\nTo fetch with `earmark data fetch NAME`, which shows licence and files first:")
    for name in names:
        download = manager.build("download", name, {}, "earmark data list")
        sizes = [file.size for file in download.chosen()]
        known = sum(size or 0 for size in sizes)
        if None in sizes:  # what is known may be a list of a few lines
            size = f"over {bytes_text(known)}" if known > 1e6 else bytes_text(None)
        else:
            size = bytes_text(known)
        print(f"  {name:43} {size:>13}  {shorten(download.licence, 80, placeholder=' ...')}")


def fetch(
    name: Annotated[str, typer.Argument(help="What to fetch, see `earmark data list`.")],
    to: Annotated[
        Path | None,
        typer.Option(help="Folder to fetch into. [default: corpora/NAME in the store]", show_default=False),
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: audio, meta or weights; may be repeated.", show_default=False),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(help="Only files of this name, such as '*.audio.1.zip'.", show_default=False),
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep archives after unpacking. [default: delete them]")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Fetch and unpack also what is here already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show licence and files, fetch nothing.")] = False,
    stores: Stores = None,
) -> None:
    """Fetch a published corpus: its files are brought, checked and unpacked, after its licence is shown.

    An interrupted call goes on where it stopped, and what is whole is not fetched again.
    Example: earmark data fetch tut --part meta
    """
    from earmark.fetching.fetch import fetch as fetch_into
    from earmark.places import stores_root
    from earmark.plugins import plugins
    from earmark.progress import reporting

    manager = plugins()
    download = manager.build("download", name, {}, "earmark data fetch")
    folder = to if to is not None else stores_root(stores) / "corpora" / name
    files = download.chosen(part or (), file)
    _show(download, files, folder)
    if dry_run:
        return
    with reporting(manager) as reporter:
        fetch_into(
            download,
            folder,
            reporter,
            parts=part or (),
            pattern=file,
            keep_archives=keep_archives,
            again=again,
        )
    print(f"{name}: {folder}")
    if download.hint:
        print(download.hint.replace("FOLDER", str(folder)))


def _show(download: Download, files: Sequence[RemoteFile], folder: Path) -> None:
    """Say what is about to be fetched: title, licence, homepage, files and sizes, target."""
    from earmark.fetching.downloads import bytes_text

    print(f"{download.title}\nLicence: {download.licence}\nHomepage: {download.homepage}\nTo: {folder}")
    for file in files:
        check = " and ".join(file.digests) or "no published checksum"
        print(f"  {file.path:66} {bytes_text(file.size):>12}  {check}")
    sizes = [file.size for file in files if file.size is not None]
    unknown = f" and {len(files) - len(sizes)} of unknown size" if len(sizes) < len(files) else ""
    print(f"  {len(files)} {'file' if len(files) == 1 else 'files'}, {bytes_text(sum(sizes))}{unknown}", flush=True)


def synthesize(
    name: Name,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder to write to. [default: a folder of its own in the store]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another corpus of the same kind.")] = 0,
    annotations: Annotated[
        Path | None,
        typer.Option(help="Follow these real annotation files recording by recording.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of the synthesizer, such as --set development_min=30.", show_default=False),
    ] = None,
    stores: Stores = None,
    engine: Engine = "auto",
    scheduler: Scheduler = None,
) -> None:
    """Write a synthetic stand-in: audio and annotations in the layout of the real corpus.

    Finished recordings are kept, so that an interrupted call goes on.
    Example: earmark data synthesize tut --set development_min=30 --set evaluation_min=15
    """
    from earmark.experiment import PluginRef
    from earmark.piecework import engine_for_pieces, with_engine
    from earmark.places import stores_root
    from earmark.plugins import plugins
    from earmark.progress import reporting
    from earmark.workspace import synthesized

    engine = chosen_engine(engine, scheduler)
    options = _options(option or [])
    if annotations is not None:
        options["annotations"] = str(annotations)
    manager = plugins()
    with reporting(manager) as reporter, reporter.counting("Synthesising recordings") as advance:
        if to is None:
            folder = synthesized(stores_root(stores), PluginRef(use=name), options, seed, advance, manager, engine)
        else:
            synthesizer = manager.build("synthesizer", name, options, "earmark data synthesize")
            to.mkdir(parents=True, exist_ok=True)
            runner = engine_for_pieces(engine, manager)
            with_engine(synthesizer.synthesize, runner)(to, seed=seed, advance=advance)
            folder = to
    print(f"Synthetic {name}: {folder}")


def check(name: Name, folder: Annotated[Path, typer.Argument(help="Your copy of the corpus.")]) -> None:
    """Say what is there, what is missing and what does not match."""
    from earmark.errors import CorpusError
    from earmark.plugins import plugins

    reader = plugins().build("corpus", name, {}, "earmark data check")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder.")
    for sentence in reader.check(folder):
        print(sentence)


def _options(settings: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set wants NAME=VALUE, got {setting!r}")
        options[key.strip()] = option_value(value)
    return options
