using System.Globalization;
using System.Net;

namespace EnvPlatform.Identity.Mail;

/// <summary>The mail that invites somebody to an organization.</summary>
internal static class InvitationMail
{
    /// <param name="message">The inviter's own words; null for none.</param>
    public static MailMessage Of(
        string to, string organization, string inviter, string role, string? message, string link, DateTimeOffset expiresAt)
    {
        var until = expiresAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC";
        var lead = $"{inviter} invites you to {organization} on EnvPlatform, as {role.Replace('_', ' ')}.";
        const string Ignore = "If you did not expect this, ignore it: nothing happens unless you accept.";
        var said = message is null ? "" : $"\n{inviter} writes:\n\n{Indent(message)}\n";
        var text =
            $"{lead}\n{said}\nTo accept or decline, open\n\n{link}\n\nThe invitation is good until {until}, and for you alone.\n{Ignore}\n";
        var quoted = message is null ? "" : $"<p>{H(inviter)} writes:</p><blockquote>{H(message).Replace("\n", "<br>")}</blockquote>";
        var html =
            $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>{H(Subject(organization))}</title></head><body>
            <p>{H(lead)}</p>
            {quoted}
            <p><a href="{H(link)}">Accept or decline</a></p>
            <p>{H(link)}</p>
            <p>The invitation is good until {until}, and for you alone. {Ignore}</p>
            </body></html>
            """;
        return new(to, Subject(organization), text, html);
    }

    private static string Subject(string organization) => $"Invitation to {organization}";

    private static string Indent(string message) => "    " + message.ReplaceLineEndings("\n").Replace("\n", "\n    ");

    private static string H(string text) => WebUtility.HtmlEncode(text);
}
