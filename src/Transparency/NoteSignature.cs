namespace EnvPlatform.Transparency;

/// <summary>A line of a signed note: who signed, with which key, and the bytes of the signature.</summary>
public sealed record NoteSignature(string Name, uint KeyId, ReadOnlyMemory<byte> Bytes);
