using EnvPlatform.Identity.Notices;
using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Identity.Mail;

internal static class MailExtensions
{
    public static void AddMail(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<MailOptions>().BindConfiguration(MailOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<MailSender>();
        builder.Services.AddListeningWork<SendInvitationMails>();
        builder.Services.AddListeningWork<SendNoticeMails>();
        builder.Services.AddPeriodicWork<AnnounceExpiries>();
    }
}
