from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

import numpy as np
import pytest

from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.steps.report import report
from report.synthetic import AFFINE, COLUMNS, GONE, NEW, Tags, labels, page_of, write_pair


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    settings = {"recipe": "subtraction", "candidates": {"k": 3.0}, "out": "/home/ann/secret/out"}
    return page_of(tmp_path_factory.mktemp("pair"), settings=settings)


def test_headline_numbers_stand_in_the_page(page):
    text = Tags(page).text
    assert "sub-01" in text and "ses-M00 (baseline) to ses-M12 (follow-up), 365 days apart" in text
    assert re.search(r"\b1 new lesion 219\smm³", text)
    assert re.search(r"G gone 1 219\smm³", text)
    assert re.search(r"E enlarging 0 0\smm³", text)


def test_every_lesion_has_its_card_and_its_row(page):
    tags = Tags(page)
    assert [a["id"] for a in tags.named("article")] == ["lesion-1", "lesion-2"]
    assert {"#lesion-1", "#lesion-2"} <= {a.get("href") for a in tags.named("a")}
    assert "N1 New" in tags.text and "G2 Gone" in tags.text


def test_pictures_are_inside_the_page_and_say_what_they_show(page):
    pictures = list(Tags(page).named("img"))
    assert len(pictures) > 40
    assert all(picture["src"].startswith("data:image/webp;base64,") for picture in pictures)
    assert all(len(picture["alt"]) > 15 for picture in pictures)
    assert all("aria-hidden" in a or "aria-label" in a for a in Tags(page).named("svg"))


def test_nothing_is_loaded_from_elsewhere(page):
    tags = Tags(page)
    assert not list(tags.named("link", "iframe", "object", "embed", "base"))
    assert not any("src" in a for a in tags.named("script"))
    assert not re.search(r"""(?:https?:)?//[\w.]""", re.sub(r"base64,[\w+/=]+", "", page))
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page


def test_only_the_scripts_of_the_page_may_run(page):
    policy = next(a["content"] for a in Tags(page).named("meta") if "http-equiv" in a)
    allowed = re.search(r"script-src ([^;]*)", policy)[1].split()
    run = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(run) == 4
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    packed = re.search(r'id="niivue">data:application/gzip;base64,([^<]*)<', page)[1]
    library = hashlib.sha256(gzip.decompress(base64.b64decode(packed))).digest()
    assert allowed == [f"'sha256-{digest}'" for digest in [*digests, base64.b64encode(library).decode()]]
    assert not any(name.startswith("on") for _, attributes in Tags(page).tags for name in attributes)


def test_the_list_of_lesions_has_the_places_that_the_views_go_to(page):
    tags = Tags(page)
    data = json.loads(re.search(r'id="pair-data">(.*?)</script>', page, re.DOTALL)[1])
    assert data["pair"] == "sub-01_ses-M12" and len(data["results"]) == 16
    assert [(lesion["label"], lesion["kind"]) for lesion in data["lesions"]] == [("N1", "new"), ("G2", "gone")]
    expected = [[float(value) for value in AFFINE[:3, :3] @ at + AFFINE[:3, 3]] for at in (NEW, GONE)]
    assert [lesion["point"] for lesion in data["lesions"]] == expected
    assert [a["data-id"] for a in tags.named("tr") if "data-id" in a] == ["1", "2"]


def test_a_page_without_viewer_is_small_and_carries_no_volume(page, tmp_path):
    small = page_of(tmp_path, settings={"report": {"viewer": False}})
    assert "niivue" not in small and 'id="viewer"' not in small and "In the viewer" not in small
    assert len(small) < len(page) - 1_000_000
    assert [a["id"] for a in Tags(small).named("article")] == ["lesion-1", "lesion-2"]


def test_links_inside_the_page_lead_somewhere(page):
    tags = Tags(page)
    ids = {attributes["id"] for _, attributes in tags.tags if "id" in attributes}
    targets = {a["href"][1:] for a in tags.named("a", "use") if a.get("href", "").startswith("#")}
    assert targets and targets <= ids
    assert len(ids) == sum("id" in attributes for _, attributes in tags.tags)


def test_tables_name_their_columns_and_rows(page):
    assert all("scope" in a for a in Tags(page).named("th"))


def test_folders_of_the_disk_are_not_told(page, tmp_path):
    assert "/home/" not in page and str(tmp_path.parent) not in page


def test_equal_inputs_give_equal_bytes(page, tmp_path):
    settings = {"recipe": "subtraction", "candidates": {"k": 3.0}, "out": "/home/ann/secret/out"}
    assert page_of(tmp_path / "elsewhere", settings=settings) == page


def test_a_pair_without_change_says_so_and_still_shows_the_checks(tmp_path):
    tags = Tags(page_of(tmp_path, lesions=False))
    assert "0 new lesions" in tags.text
    assert "No new lesion was found" in tags.text
    assert "No lesion changed between these scans" in tags.text
    alts = " ".join(a["alt"] for a in tags.named("img"))
    assert "brain mask" in alts and "Checkerboard" in alts
    assert not list(tags.named("article"))


def test_only_so_many_lesions_get_pictures_and_the_rest_is_named(tmp_path):
    tags = Tags(page_of(tmp_path, settings={"report": {"max_lesions": 1}}))
    assert [a["id"] for a in tags.named("article")] == ["lesion-1"]
    assert "1 more lesion is in the table below without pictures" in tags.text
    assert "#lesion-2" not in {a.get("href") for a in tags.named("a")}


def test_hostile_words_stay_words(tmp_path):
    evil = "<script>alert(1)</script>\"'&"
    arguments = write_pair(
        tmp_path, followup_ingest={"warnings": [evil], "orientation": evil}, summary={"warnings": evil}
    )
    rows = arguments["lesions"].read_text().replace("periventricular", evil)
    arguments["lesions"].write_text(rows)
    out = tmp_path / "page.html"
    report(labels(evil, evil, evil), **arguments, out_html=out, settings={evil: evil})
    page = out.read_text()
    assert "<script>alert" not in page
    assert evil not in page
    assert len(list(Tags(page).named("script"))) == len(list(Tags(page_of(tmp_path / "tame")).named("script")))
    assert not any("alert" in key for _, attributes in Tags(page).tags for key in attributes)


def test_an_empty_brain_mask_still_gives_a_page(tmp_path):
    arguments = write_pair(tmp_path, lesions=False)
    brain = read_volume(arguments["brain"], np.uint8)
    write_volume(arguments["brain"], brain.with_data(np.zeros_like(brain.data)))
    out = tmp_path / "page.html"
    report(labels(), **arguments, out_html=out, settings={})
    assert "Brain mask" in Tags(out.read_text()).text


def test_doubtful_scans_are_announced(tmp_path):
    text = Tags(page_of(tmp_path, summary={"registration_correlation": 0.4, "warnings": "two heads?"})).text
    assert "Do not rely on this pair" in text
    assert "misaligned, or not the same person" in text
    assert "✕ bad Similarity of the aligned scans" in text
    assert "two heads?" in text


def test_missing_facts_leave_dashes(tmp_path):
    arguments = write_pair(
        tmp_path, baseline_ingest={"shape": None, "spacing_mm": None}, working={"mni_from_working": None}
    )
    row = dict.fromkeys(COLUMNS, "") | {"id": "1", "kind": "new", "volume_mm3": "5"}
    arguments["lesions"].write_text("\t".join(COLUMNS) + "\n" + "\t".join(row[name] for name in COLUMNS) + "\n")
    out = tmp_path / "page.html"
    report(labels(), **arguments, out_html=out, settings={})
    text = Tags(out.read_text()).text
    assert "N1 new 5.0 – –" in text
    assert "1 more lesion is in the table below without pictures" in text


def test_the_files_of_the_pair_are_linked_from_where_the_page_lies(page):
    links = {a["href"] for a in Tags(page).named("a")}
    assert "../index.html" in links
    assert "ses-M12/anat/sub-01_ses-M12_space-orig_label-lesion_desc-newSinceM00_mask.nii.gz" in links


def test_a_lesion_says_what_moved_the_classifier(tmp_path):
    top = [{"feature": "mean_x", "meaning": "local contrast", "effect": 0.91}, {"feature": "to_edge", "effect": -0.42}]
    rows = [{"id": 1, "kind": "new", "probability": 0.8, "top": top}, {"id": 2, "kind": "gone", "top": []}]
    path = tmp_path / "refine.json"
    write_json(path, {"proposed": 7, "model": {"model.json": "0" * 64}, "lesions": rows})
    text = Tags(page_of(tmp_path, refine=path)).text
    assert text.count("Why: ") == 1
    assert "Why: local contrast +0.9, to edge \N{MINUS SIGN}0.4" in text
    assert "A classifier that was trained" in text and "proposed 7" in text and "0" * 64 not in text
    assert "A classifier" not in Tags(page_of(tmp_path)).text
