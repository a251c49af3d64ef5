using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

using MailKit.Net.Smtp;
using MailKit.Security;

using Microsoft.Extensions.Options;

using MimeKit;

namespace EnvPlatform.Identity.Mail;

/// <summary>One message, as text and as HTML that says the same.</summary>
internal sealed record MailMessage(string To, string Subject, string Text, string Html);

/// <summary>Sends a mail by the SMTP server of the options (RFC 5321), a connection for each.</summary>
internal sealed class MailSender(IOptions<MailOptions> options, TimeProvider clock)
{
    public bool IsOn => options.Value.IsOn;

    /// <returns>Null when the server took it; otherwise why not, in a few words without an address or a secret.</returns>
    public async Task<MailFailure?> SendAsync(MailMessage message, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(options.Value.TimeoutSeconds), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            using var mime = ToMime(message);

            // Lists of revoked certificates cannot be had in a closed network.
            using var client = new SmtpClient { CheckCertificateRevocation = false };
            using var authorities = new Authorities(options.Value.CaFile);
            client.ServerCertificateValidationCallback = authorities.Validate;
            await client.ConnectAsync(options.Value.Host!, options.Value.Port, Security(), either.Token);
            if (options.Value.User is { Length: > 0 } user)
            {
                await client.AuthenticateAsync(user, options.Value.Password ?? "", either.Token);
            }

            await client.SendAsync(mime, either.Token);
            await client.DisconnectAsync(quit: true, either.Token);
            return null;
        }
        catch (SmtpCommandException refused)
        {
            // The text may hold the address, or whatever the server likes to say; the code says enough (RFC 5321, section 4.2).
            return new($"The mail server answered {(int)refused.StatusCode} ({refused.ErrorCode}).", (int)refused.StatusCode >= 500);
        }
        catch (SmtpProtocolException)
        {
            return new("The mail server does not speak SMTP as it should, or closed the connection.", IsFinal: false);
        }
        catch (AuthenticationException)
        {
            return new("The mail server did not accept Mail:User and Mail:Password.", IsFinal: false);
        }
        catch (SslHandshakeException)
        {
            return new("The mail server's certificate is not trusted, or TLS failed.", IsFinal: false);
        }
        catch (NotSupportedException)
        {
            return new("The mail server lacks what the options ask for: STARTTLS, or a way to sign in.", IsFinal: false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            return new("The mail server cannot be reached.", IsFinal: false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return new("The mail server did not answer in time.", IsFinal: false);
        }
    }

    private SecureSocketOptions Security() => options.Value.Security switch
    {
        "tls" => SecureSocketOptions.SslOnConnect,
        "none" => SecureSocketOptions.None,
        _ => SecureSocketOptions.StartTls,
    };

    private MimeMessage ToMime(MailMessage message)
    {
        var mime = new MimeMessage { Subject = message.Subject, Date = clock.GetUtcNow() };
        mime.From.Add(MailboxAddress.Parse(options.Value.From!));
        mime.To.Add(new MailboxAddress(null, message.To));
        mime.Headers.Add("Auto-Submitted", "auto-generated"); // RFC 3834
        mime.Body = new MultipartAlternative(
            new TextPart("plain") { Text = message.Text }, new TextPart("html") { Text = message.Html });
        return mime;
    }

    /// <summary>Trusts what the system trusts and, in addition, the authorities of a file; the name must fit in either case.</summary>
    private sealed class Authorities(string? file) : IDisposable
    {
        private readonly X509Certificate2Collection _own = Read(file);

        public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            if (errors == SslPolicyErrors.None)
            {
                return true;
            }

            if (errors != SslPolicyErrors.RemoteCertificateChainErrors || _own.Count == 0 || certificate is not X509Certificate2 leaf)
            {
                return false;
            }

            using var own = new X509Chain();
            own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            own.ChainPolicy.CustomTrustStore.AddRange(_own);
            own.ChainPolicy.ApplicationPolicy.Add(new("1.3.6.1.5.5.7.3.1")); // to be a TLS server (RFC 5280, 4.2.1.12)
            foreach (var element in chain?.ChainElements.Skip(1) ?? [])
            {
                own.ChainPolicy.ExtraStore.Add(element.Certificate);
            }

            return own.Build(leaf);
        }

        public void Dispose()
        {
            foreach (var certificate in _own)
            {
                certificate.Dispose();
            }
        }

        private static X509Certificate2Collection Read(string? file)
        {
            var read = new X509Certificate2Collection();
            if (file is { Length: > 0 })
            {
                read.ImportFromPemFile(file);
            }

            return read;
        }
    }
}

/// <param name="Reason">For the administrator.</param>
/// <param name="IsFinal">Whether another try would end in the same way.</param>
internal sealed record MailFailure(string Reason, bool IsFinal);
