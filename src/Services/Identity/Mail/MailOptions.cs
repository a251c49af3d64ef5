using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Identity.Mail;

/// <summary>The SMTP server that sends the platform's mail, section <c>Mail</c>. Without a host no mail is sent.</summary>
public sealed class MailOptions : IValidatableObject
{
    public const string Section = "Mail";

    /// <summary>Host name of the SMTP server, as its certificate has it.</summary>
    [MaxLength(255)]
    public string? Host { get; set; }

    /// <summary>Port of the SMTP server.</summary>
    [Range(1, 65_535)]
    public int Port { get; set; } = 587;

    /// <summary>
    /// How the connection is protected: starttls (refused when the server offers none), tls from the beginning, or none.
    /// </summary>
    [AllowedValues("none", "starttls", "tls")]
    public string Security { get; set; } = "starttls";

    /// <summary>A file with certificates (PEM) of authorities to be trusted in addition to the system's; null for none.</summary>
    public string? CaFile { get; set; }

    /// <summary>Name to sign in to the SMTP server with; null for none.</summary>
    public string? User { get; set; }

    /// <summary>Password to sign in to the SMTP server with.</summary>
    public string? Password { get; set; }

    /// <summary>Address of the sender, or a name and an address: <c>EnvPlatform &lt;noreply@example.org&gt;</c>.</summary>
    public string? From { get; set; }

    /// <summary>Seconds that one mail may take.</summary>
    [Range(1, 600)]
    public int TimeoutSeconds { get; set; } = 30;

    /// <summary>Tries, after which a mail has failed.</summary>
    [Range(1, 100)]
    public int Tries { get; set; } = 6;

    /// <summary>Seconds before the second try; each further one waits twice as long, an hour at most.</summary>
    [Range(1, 3_600)]
    public int RetrySeconds { get; set; } = 30;

    /// <summary>Whether mail is sent at all.</summary>
    internal bool IsOn => !string.IsNullOrWhiteSpace(Host);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (IsOn && (From is null || !MimeKit.MailboxAddress.TryParse(From, out _)))
        {
            yield return new("Mail:From must be an e-mail address when Mail:Host is given.", [nameof(From)]);
        }

        if (Password is { Length: > 0 } && Security == "none" && Host is not ("localhost" or "127.0.0.1" or "::1"))
        {
            yield return new("Mail:Password would be sent in the clear: choose starttls or tls.", [nameof(Security)]);
        }
    }
}
