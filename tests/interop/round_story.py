"""What a test by sentences says, and how it ends."""


class Story:
    def __init__(self):
        self.passed = self.failed = 0

    def says(self, sentence, holds):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok    ' if holds else 'FAILED'} {sentence}", flush=True)

    def equals(self, sentence, found, expected):
        self.says(sentence, found == expected)
        if found != expected:
            print(f"       found    {found}\n       expected {expected}", flush=True)

    def ends(self):
        """Prints the count; the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
