from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from earmark.plugins import plugins
from earmark_pann import checkpoint as module
from earmark_pann.checkpoint import RELEASES, Release, identified, load_checkpoint
from earmark_pann.errors import CheckpointError

MODELS = {
    rate_hz: plugins().build("frontend", "log-mel-pann", {"rate_hz": rate_hz}, "t") for rate_hz in (16_000, 32_000)
}
MEL = {rate_hz: frontend.filters for rate_hz, frontend in MODELS.items()}


@pytest.fixture(autouse=True)
def _narrow_net(monkeypatch):
    """The loader's rules are those of any width; the full one is loaded once, below."""
    from earmark_pann.cnn14 import Cnn14

    monkeypatch.setattr(module, "Cnn14", lambda n_events: Cnn14(n_events, channels=(4, 4, 4, 8, 8, 8)))


@pytest.fixture
def weights():
    return module.Cnn14(527).state_dict()


def front_end(rate_hz: int = 16_000) -> dict[str, torch.Tensor]:
    mel = MEL[rate_hz]
    kernel = torch.zeros(len(mel), 1, 2 * (len(mel) - 1))
    return dict(zip(module.FRONT_END, (kernel, kernel, mel), strict=True))


def saved(path, content):
    torch.save(content, path)
    return path


def sampler() -> dict:
    """As in the published 16 kHz file."""
    queue = [3, 1, 2]
    return {"indexes_per_class": [np.arange(3), np.arange(5)], "queue": queue, "pointers_of_classes": [0, 1]}


def test_the_published_layout_is_read_in_restricted_mode_with_its_samplers_arrays(tmp_path, weights):
    content = {"iteration": 0, "model": {**front_end(), **weights}, "sampler": sampler()}
    found = load_checkpoint(saved(tmp_path / "a.pth", content), 16_000, MEL[16_000])
    assert found.weights.keys() == weights.keys()
    assert all(torch.equal(found.weights[key], weights[key]) for key in weights)
    assert found.release is None
    assert len(found.sha256) == 64


def test_arrays_under_numpys_old_name_are_read_too(tmp_path, weights):
    path = saved(tmp_path / "a.pth", {"model": weights, "sampler": {"indexes_per_class": [np.arange(3)]}})
    import zipfile

    old = tmp_path / "old.pth"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in content or b"numpy.core.multiarray" in content
                content = content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
            target.writestr(name, content)
    assert load_checkpoint(old, 16_000, MEL[16_000]).weights.keys() == weights.keys()


def test_the_old_format_of_pytorch_is_read(tmp_path, weights):
    path = tmp_path / "legacy.pth"
    torch.save({"model": {**front_end(), **weights}}, path, _use_new_zipfile_serialization=False)
    assert load_checkpoint(path, 16_000, MEL[16_000]).weights.keys() == weights.keys()


def test_bare_weights_prefixes_and_missing_counters_are_taken(tmp_path, weights):
    bare = {f"module.{key}": value for key, value in weights.items() if not key.endswith("num_batches_tracked")}
    found = load_checkpoint(saved(tmp_path / "a.pth", bare), 32_000, MEL[32_000])
    assert found.weights.keys() == weights.keys()
    assert found.weights["bn0.num_batches_tracked"] == 0


def test_the_other_variant_is_refused_with_the_way_to_use_it(tmp_path, weights):
    path = saved(tmp_path / "a.pth", {"model": {**front_end(32_000), **weights}})
    with pytest.raises(
        CheckpointError,
        match=r"a.pth: the variant for 32 kHz \(a mel matrix of 513 bins\), but the front end is at 16 kHz \(257 bins\)"
        r"\. Say rate_hz = 32000 \(--rate 32000\), or take Cnn14_16k_mAP=0.438.pth",
    ):
        load_checkpoint(path, 16_000, MEL[16_000])


def test_the_8_khz_variant_is_refused(tmp_path, weights):
    path = saved(tmp_path / "a.pth", {"model": {module.MEL_MATRIX: torch.zeros(129, 64), **weights}})
    with pytest.raises(CheckpointError, match="the variant for 8 kHz .* Take Cnn14_mAP=0.431.pth"):
        load_checkpoint(path, 32_000, MEL[32_000])


@pytest.mark.parametrize(("change", "says"), [(1e-3, "other weights"), (float("nan"), "other weights")])
def test_another_mel_matrix_is_refused(tmp_path, weights, change, says):
    path = saved(tmp_path / "a.pth", {**front_end(), module.MEL_MATRIX: MEL[16_000] + change, **weights})
    with pytest.raises(CheckpointError, match=f"its mel matrix is not that of .*log-mel-pann at 16000 Hz .{says}"):
        load_checkpoint(path, 16_000, MEL[16_000])


def test_a_missing_tensor_is_named(tmp_path, weights):
    del weights["bn0.running_mean"]
    with pytest.raises(CheckpointError, match="another net than CNN14: it lacks bn0.running_mean. Fetch it with"):
        load_checkpoint(saved(tmp_path / "a.pth", weights), 16_000, MEL[16_000])


def test_the_keys_of_another_net_are_named(tmp_path, weights):
    foreign = {key.replace("conv_block6", "resnet"): value for key, value in weights.items()}
    with pytest.raises(
        CheckpointError,
        match="lacks conv_block6.conv1.weight, .* more and holds resnet.conv1.weight, .* and 8 more",
    ):
        load_checkpoint(saved(tmp_path / "a.pth", foreign), 16_000, MEL[16_000])


def test_both_shapes_are_named(tmp_path, weights):
    weights["fc_audioset.weight"] = torch.zeros(10, 8)
    with pytest.raises(CheckpointError, match=r"fc_audioset.weight has shape \(10, 8\), CNN14 needs \(527, 8\)"):
        load_checkpoint(saved(tmp_path / "a.pth", weights), 16_000, MEL[16_000])


def test_weights_that_are_not_finite_are_refused(tmp_path, weights):
    weights["fc1.bias"] = torch.full((8,), float("nan"))
    with pytest.raises(CheckpointError, match="fc1.bias holds values that are not finite; the file is damaged"):
        load_checkpoint(saved(tmp_path / "a.pth", weights), 16_000, MEL[16_000])


class Dangerous:
    def __reduce__(self):
        return print, ("this must not run",)


def test_nothing_that_a_file_holds_is_run(tmp_path, weights, capsys):
    path = saved(tmp_path / "a.pth", {"model": weights, "sampler": Dangerous()})
    with pytest.raises(CheckpointError, match="more than weights, which could run code; it was not loaded .*print"):
        load_checkpoint(path, 16_000, MEL[16_000])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_is_refused(tmp_path, weights, kept, zipped):
    whole = io.BytesIO()
    torch.save({"model": weights}, whole, _use_new_zipfile_serialization=zipped)
    content = whole.getvalue()
    path = tmp_path / "a.pth"
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(CheckpointError, match="a.pth: not a checkpoint, or a truncated one .* Fetch it with"):
        load_checkpoint(path, 16_000, MEL[16_000])


def test_a_file_that_is_not_there_or_no_weights_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="the checkpoint cannot be read .No such file or directory.. Fetch"):
        load_checkpoint(tmp_path / "none.pth", 16_000, MEL[16_000])
    with pytest.raises(CheckpointError, match="no weights, neither as 'model' nor alone; found epoch, loss"):
        load_checkpoint(saved(tmp_path / "a.pth", {"epoch": 3, "loss": 0.1}), 16_000, MEL[16_000])


def test_a_published_file_is_known_by_its_content_and_an_altered_one_refused(tmp_path, weights, monkeypatch):
    path = saved(tmp_path / "Cnn14_16k_mAP=0.438.pth", {"model": weights})
    with pytest.raises(
        CheckpointError,
        match=r"not the published Cnn14_16k_mAP=0.438.pth, but truncated or changed \(.* instead of 3",
    ):
        load_checkpoint(path, 16_000, MEL[16_000])
    sha256, _ = identified(path.rename(tmp_path / "other.pth"))
    here = Release(name="PANN here", file="x.pth", rate_hz=16_000, n_bytes=1, sha256=sha256)
    monkeypatch.setattr(module, "RELEASES", (here, RELEASES[1]))
    assert load_checkpoint(tmp_path / "other.pth", 16_000, MEL[16_000]).release == here
    with pytest.raises(
        CheckpointError, match="the variant for 16 kHz .* Say rate_hz = 16000 .*take Cnn14_mAP=0.431.pth"
    ):
        load_checkpoint(tmp_path / "other.pth", 32_000, MEL[32_000])


def test_the_releases_are_those_that_earmark_fetches():
    published = plugins().build("download", "panns", {}, "test")
    of_name = {file.name: file for file in published.files}
    for release in RELEASES:
        assert of_name[release.file].sha256 == release.sha256
        assert of_name[release.file].size == release.n_bytes
