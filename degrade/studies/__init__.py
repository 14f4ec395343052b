"""A study of opinions on disk: what is asked, its pictures, raters and their votes."""

from __future__ import annotations

from degrade.studies.definition import (
    MOS_QUESTION,
    PAIR_QUESTIONS,
    REFERENCE,
    STUDY_NAME,
    StudyDefinition,
    StudyImage,
    encode_definition,
    read_definition,
)
from degrade.studies.findings import (
    Compared,
    Estimate,
    MethodFound,
    QuestionFound,
    RaterFound,
    StudyFound,
    find_in_votes,
)
from degrade.studies.pictures import decoy_of, picture_path, read_picture, write_picture
from degrade.studies.votes import Rater, Vote, VoteRefusedError, Votes
from degrade.studies.votes_file import VOTES_NAME

__all__ = [
    "MOS_QUESTION",
    "PAIR_QUESTIONS",
    "REFERENCE",
    "STUDY_NAME",
    "VOTES_NAME",
    "Compared",
    "Estimate",
    "MethodFound",
    "QuestionFound",
    "Rater",
    "RaterFound",
    "StudyDefinition",
    "StudyFound",
    "StudyImage",
    "Vote",
    "VoteRefusedError",
    "Votes",
    "decoy_of",
    "encode_definition",
    "find_in_votes",
    "picture_path",
    "read_definition",
    "read_picture",
    "write_picture",
]
