"""The library of the CLV warehouse; CONTRIBUTING.md says what each folder holds."""
