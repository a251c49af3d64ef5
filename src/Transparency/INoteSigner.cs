namespace EnvPlatform.Transparency;

/// <summary>A private key for signed notes; it may be kept in another place than this process.</summary>
public interface INoteSigner
{
    NoteKey Key { get; }

    /// <summary>The Ed25519 signature of the bytes: 64 bytes.</summary>
    byte[] Sign(byte[] text);
}
