import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from '@/app/app'
import { createServices } from '@/app/services'
import { applyTheme } from '@/app/theme'
import '@/styles/app.css'

const services = createServices()
applyTheme()
void services.session.start()

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App services={services} />
    </StrictMode>,
  )
}
